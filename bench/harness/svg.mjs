import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const SIZE = { width: 960, height: 480 };

/**
 * Draws the charts of a row into `folder`, one SVG file each. Needs the peers, among which is the library that draws.
 *
 * @param {{ charts?: () => Record<string, object> }} row
 * @param {string} folder
 * @returns {Promise<string[]>} the files
 */
export async function drawCharts(row, folder) {
  if (row.charts === undefined) return [];
  const { init } = await import('echarts');
  mkdirSync(resolve(folder), { recursive: true });
  return Object.entries(row.charts()).map(([name, { height = SIZE.height, ...option }]) => {
    const chart = init(null, null, { renderer: 'svg', ssr: true, ...SIZE, height });
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option });
    const file = join(folder, `${name}.svg`);
    writeFileSync(resolve(file), `${chart.renderToSVGString()}\n`);
    chart.dispose();
    return file;
  });
}
