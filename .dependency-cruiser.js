// The house in docs/design.md: dependencies point downwards only, in this order.
const layers = [
  'main',
  'cli',
  'operator',
  'settings',
  'controllers',
  'delivery',
  'credentials',
  'api',
  'catalogue',
  'kube',
  'telemetry',
]

const layer = (name) => `^src/${name}(/|\\.ts$)`

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'not-to-dev-dep',
      severity: 'error',
      from: { path: '^src', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'src-knows-no-test',
      severity: 'error',
      from: { path: '^src', pathNot: '\\.test\\.ts$' },
      to: { path: '^test|\\.test\\.ts$' },
    },
    ...layers.flatMap((name, index) =>
      index === 0
        ? []
        : [
            {
              name: `${name}-points-downwards`,
              severity: 'error',
              from: { path: layer(name) },
              to: { path: `^src/(${layers.slice(0, index).join('|')})(/|\\.ts$)` },
            },
          ],
    ),
    {
      name: 'every-file-has-a-layer',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/(${layers.join('|')})(/|\\.ts$|\\.test\\.ts$)` },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
}
