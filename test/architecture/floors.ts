import { listImports, type Source } from './sources.ts';

/** Whom a room may import; `anything` for those that assemble. */
type Floor = 'anything' | { uses: readonly string[]; typesOf?: readonly string[] };

const ground = ['contract', 'base'];
const bottom = ['git', 'commands', 'events', 'registry'];
const belowPlans = ['worktrees/pool', 'worktrees', 'repositories', 'runs', ...bottom];
const services = ['status', 'cleanup', 'reconcile', 'sessions', 'plans', ...belowPlans];

/** The daemon's own files: configuration, paths, log, schedule. Services are given them and know their types. */
const loose = 'daemon/*.ts';

const face: Floor = { uses: ['client', 'table', 'base'], typesOf: ['contract'] };
const wire: Floor = { uses: ['dispatch', 'rpc', loose, ...ground] };
const service = (...below: string[]): Floor => ({ uses: [...below, ...ground], typesOf: [loose] });

/** The floors of ARCHITECTURE.md. `table` is what scripts/ compiles from the contract for the client. */
const floors: Record<string, Floor> = {
  main: 'anything',
  daemon: 'anything',
  ground: 'anything',
  assembly: 'anything',
  'service-assembly': 'anything',
  'plan-assembly': 'anything',
  'run-assembly': 'anything',
  'worktree-assembly': 'anything',
  cli: face,
  tui: face,
  web: face,
  mcp: face,
  chat: face,
  client: { uses: ['rpc', 'table', 'base'], typesOf: ['contract'] },
  'socket-server': wire,
  http: wire,
  dispatch: { uses: ['methods', loose, ...ground], typesOf: ['rpc'] },
  methods: { uses: [...services, ...ground], typesOf: [loose] },
  status: service('plans', ...belowPlans),
  cleanup: service('plans', ...belowPlans),
  reconcile: service('plans', ...belowPlans),
  sessions: service('plans', ...belowPlans),
  plans: service(...belowPlans),
  'worktrees/pool': service('worktrees', 'repositories', 'runs', ...bottom),
  worktrees: service('repositories', 'runs', ...bottom),
  repositories: service(...bottom),
  runs: service(...bottom),
  events: service('registry'),
  git: service(),
  commands: service(),
  registry: service(),
  service: service(),
  'life-cycle': { uses: ['registry', ...ground], typesOf: [loose] },
  [loose]: { uses: ground },
  contract: { uses: ['base'] },
  rpc: { uses: ['base'] },
  base: { uses: [] },
  table: { uses: [] },
};

function roomOf(path: string): string {
  if (path === 'src/main.ts') return 'main';
  if (path === 'src/contract/table.json') return 'table';
  const inDaemon = /^src\/daemon\/(?<room>[^/]+)(?<rest>\/)?/.exec(path)?.groups;
  if (!inDaemon) return path.split('/')[1] ?? path;
  const inner = path.split('/').slice(2, 4).join('/');
  if (Object.hasOwn(floors, inner)) return inner;
  const name = inDaemon['room'] ?? '';
  if (inDaemon['rest']) return name;
  const file = name.replace(/\.ts$/, '');
  return Object.hasOwn(floors, file) ? file : loose;
}

/** One sentence for every import that goes up or sideways. */
export function checkFloors(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const room = roomOf(source.path);
    const floor = floors[room];
    if (!floor) return [`${source.path}: the room ${room} has no floor; give it one in test/architecture/floors.ts`];
    return listImports(source).flatMap(({ target, isTypeOnly, at }) => {
      if (target.startsWith('(')) return [`${at} imports ${target}, which cannot be checked; write the path out`];
      if (!target.startsWith('src/') || mayImport(room, roomOf(target), isTypeOnly)) return [];
      return [`${at} imports ${target}, but ${describe(room, floor)}; ask a lower floor or be given it`];
    });
  });
}

function mayImport(room: string, target: string, isTypeOnly: boolean): boolean {
  const floor = floors[room];
  if (!floor || floor === 'anything' || room === target) return true;
  return floor.uses.includes(target) || (isTypeOnly && (floor.typesOf ?? []).includes(target));
}

function describe(room: string, floor: Floor): string {
  if (floor === 'anything') return `${room} may import anything`;
  const types = floor.typesOf ? `, and types (import type) of ${floor.typesOf.join(', ')}` : '';
  return `${room} may import ${floor.uses.join(', ') || 'no other room'}${types}`;
}

/** The rooms of a circle, in order, or undefined. */
export function findCircle(sources: readonly Source[]): string[] | undefined {
  const edges = new Map<string, Set<string>>();
  for (const source of sources) {
    const targets = listImports(source).map(({ target }) => target);
    const from = roomOf(source.path);
    const rooms = targets.filter((target) => target.startsWith('src/')).map(roomOf);
    edges.set(from, new Set([...(edges.get(from) ?? []), ...rooms.filter((room) => room !== from)]));
  }
  const seen = new Set<string>();
  const visit = (room: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(room)) return [...trail.slice(trail.indexOf(room)), room];
    if (seen.has(room)) return undefined;
    seen.add(room);
    return firstOf(edges.get(room) ?? [], (next) => visit(next, [...trail, room]));
  };
  return firstOf(edges.keys(), (room) => visit(room, []));
}

function firstOf<T, R>(items: Iterable<T>, find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
