import { CLIENTS, runCrowd } from './crowd.mjs';
import { labelOf, POLICY_NAMES } from './world.mjs';

/** What each client of the crowd got in each second, by what it was entitled to: 1 is its due. A panel a policy. */
export function shareCharts() {
  const seconds = 30;
  const panels = POLICY_NAMES.map((policy) => ({
    policy,
    shares: runCrowd({ policy, rings: 1, credits: 1, seconds }).shares,
  }));
  const panel = 190;
  const series = panels.flatMap(({ shares }, index) =>
    CLIENTS.map(({ weight, us, depth }, client) => ({
      ...{ type: 'line', step: 'middle', symbol: 'none', xAxisIndex: index, yAxisIndex: index },
      name: `weight ${weight}, ${us / 1000} ms, ${depth} deep`,
      data: shares.map(({ got, due }, second) => [
        second,
        due[client] === 0 ? null : Math.min(MOST, got[client] / due[client]),
      ]),
    })),
  );
  return {
    'fairness-share': {
      height: 130 + panel * panels.length,
      title: { text: 'What each client got, by what it was entitled to', left: 'center' },
      legend: { top: 40 },
      grid: panels.map((_, index) => ({ top: 130 + panel * index, height: panel - 60, left: 60 })),
      xAxis: panels.map((_, index) => ({
        type: 'value',
        max: seconds - 1,
        gridIndex: index,
        name: 's',
      })),
      yAxis: panels.map(({ policy }, index) => ({
        ...{ type: 'value', min: 0, max: MOST, interval: 1, gridIndex: index },
        ...{ name: labelOf(policy), nameTextStyle: { fontWeight: 'bold', align: 'left' } },
      })),
      series,
    },
  };
}

/** What is more is drawn as this: some policies give some clients thirty times their due. */
const MOST = 4;
