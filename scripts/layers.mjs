/**
 * Who may import whom: checks every import of the source tree against the table of rooms below.
 *
 * Usage: node scripts/layers.mjs [ROOT]. ROOT is a folder that holds `src`; default: this package. Exits 1 where a rule
 * is broken, or where there is nothing to check. docs/architecture.md says what each room is for.
 *
 * Rules:
 * 1. a room imports only the rooms, packages and Node modules that its row names;
 * 2. another room is entered by its door only;
 * 3. inside a room files import each other directly, never their own door, and there is no second `index.ts`;
 * 4. every file is in a room of the table, and imports nothing outside `src`;
 * 5. `import()` of something other than a literal is kept to rooms that load their users' modules.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importsOf } from './imports.mjs';

/**
 * @typedef {object} Room
 * @property {string[]} rooms whose doors it may import
 * @property {string[]} [types] rooms of which it may import types only
 * @property {string[]} [packages] a trailing `*` stands for anything
 * @property {'types' | 'values'} [node] what it may import of `node:` modules; nothing where absent
 * @property {boolean} [loads] whether it imports modules that its users name
 */

const CORE = ['base', 'events', 'fence', 'sched', 'device'];

/** @type {Record<string, Room>} */
const ROOMS = {
  base: { rooms: [] },
  events: { rooms: ['base'] },
  fence: { rooms: ['events', 'base'] },
  sched: { rooms: ['fence', 'events', 'base'] },
  device: { rooms: ['sched', 'fence', 'events', 'base'] },
  // Reaches Node's modules through process.getBuiltinModule, so that browsers can load it.
  host: { rooms: ['base', 'events'], node: 'types' },
  'drivers/sim': { rooms: CORE },
  'drivers/worker': { rooms: [...CORE, 'host'], node: 'types', loads: true },
  'drivers/webgpu': { rooms: [...CORE, 'host'], packages: ['webgpu'], node: 'types', loads: true },
  // The judge shares no code with the judged: not sched.
  validate: { rooms: ['events', 'base'] },
  explore: { rooms: [...CORE, 'drivers/sim', 'validate'] },
  trace: { rooms: ['events', 'base'], node: 'values' },
  replay: { rooms: ['trace', 'drivers/sim', 'sched', 'fence', 'events', 'base'] },
  server: {
    rooms: ['device', 'trace', 'events', 'base', 'host'],
    packages: ['fastify', '@fastify/websocket', 'valibot'],
    node: 'values',
  },
  client: { rooms: ['fence', 'events', 'base'], types: ['device'], packages: ['ws'] },
  cluster: {
    rooms: ['device', 'client', 'fence', 'events', 'base', 'host'],
    packages: ['@nats-io/*'],
  },
  viewer: { rooms: ['trace', 'events', 'base'], packages: ['preact', 'uplot', 'vite'] },
  cli: {
    rooms: [
      ...CORE,
      ...['host', 'drivers/sim', 'drivers/worker', 'drivers/webgpu', 'validate', 'explore'],
      ...['trace', 'replay', 'server', 'client', 'cluster', 'viewer'],
    ],
    packages: ['commander', 'es-module-lexer', 'tinyglobby', 'valibot', 'yaml'],
    node: 'values',
    loads: true,
  },
};

/** The package's own door, `src/index.ts`: what it may re-export. */
const PACKAGE_DOOR = { rooms: [...CORE, 'host'] };
const PACKAGE_DOOR_NAME = 'index.ts';

const SOURCE_FILE = /\.[cm]?[jt]sx?$/;

/**
 * @param {string} path of a file, from `src`
 * @returns {string | null} the name of its room
 */
function roomOf(path) {
  if (path === PACKAGE_DOOR_NAME) return PACKAGE_DOOR_NAME;
  return Object.keys(ROOMS).find((name) => path.startsWith(`${name}/`)) ?? null;
}

/** @param {string} room */
function rowOf(room) {
  return room === PACKAGE_DOOR_NAME ? PACKAGE_DOOR : ROOMS[room];
}

/**
 * What is wrong with one import; `null` where it keeps the rules.
 *
 * @param {string} file from `src`
 * @param {string} room of that file
 * @param {{ specifier: string | null, typeOnly: boolean }} what
 */
function faultOf(file, room, { specifier, typeOnly }) {
  const row = rowOf(room);
  if (specifier === null) {
    return row.loads === true
      ? null
      : `${room} imports a module that is not named by a literal; only rooms that load their users' modules may`;
  }
  if (specifier.startsWith('.')) return relativeFaultOf(file, room, specifier, typeOnly);
  if (specifier.startsWith('node:')) {
    if (row.node === 'values' || (row.node === 'types' && typeOnly)) return null;
    return row.node === 'types'
      ? `${room} may import types only of '${specifier}'; take the module from process.getBuiltinModule`
      : `${room} may not import '${specifier}'`;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const known = (row.packages ?? []).some((one) =>
    one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one,
  );
  return known ? null : `${room} may not import the package '${name}'`;
}

function relativeFaultOf(file, room, specifier, typeOnly) {
  const target = join(dirname(file), specifier);
  if (target.startsWith('..')) return `'${specifier}' is outside src`;
  const other = roomOf(target);
  if (other === null) return `'${specifier}' is in no room of the table`;
  if (other === PACKAGE_DOOR_NAME) {
    return `'${specifier}' is the door of the package; rooms import rooms`;
  }
  if (other === room) {
    return target === `${room}/index.ts`
      ? `'${specifier}' is its own room's door; inside a room import the file itself`
      : null;
  }
  const row = rowOf(room);
  if (!row.rooms.includes(other)) {
    if (row.types?.includes(other) !== true) return `${room} may not import ${other}`;
    if (!typeOnly) return `${room} may import types only of ${other}`;
  }
  return target === `${other}/index.ts`
    ? null
    : `'${specifier}' goes past the door of ${other}; import ${other}/index.ts`;
}

/**
 * @param {string} root
 * @returns {{ files: number, imports: number, faults: string[] }}
 */
function check(root) {
  const src = join(root, 'src');
  const faults = [];
  let imports = 0;
  const files = readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && SOURCE_FILE.test(entry.name))
    .map((entry) => relative(src, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
  for (const file of files) {
    const room = roomOf(file);
    if (room === null) {
      faults.push(`src/${file}: is in no room of the table`);
      continue;
    }
    if (
      basename(file) === 'index.ts' &&
      room !== PACKAGE_DOOR_NAME &&
      file !== `${room}/index.ts`
    ) {
      faults.push(`src/${file}: is a second index.ts in ${room}; a room has one door`);
    }
    for (const found of importsOf(readFileSync(join(src, file), 'utf8'))) {
      imports += 1;
      const fault = faultOf(file, room, found);
      if (fault !== null) faults.push(`src/${file}:${found.line}: ${fault}`);
    }
  }
  return { files: files.length, imports, faults };
}

const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
const { files, imports, faults } = check(root);
if (files === 0 || imports === 0) {
  faults.push('there is nothing to check: no source file, or no import, was found under src');
}
for (const fault of faults) console.error(fault);
console.log(`layers: ${files} files, ${imports} imports, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
