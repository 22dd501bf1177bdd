/** Dependencies point one way: services → libs → proto; inside a service: adapters → application → domain. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-service-to-service',
      comment: 'Services share nothing but events, calls and artifacts.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    { name: 'no-lib-to-service', severity: 'error', from: { path: '^libs/' }, to: { path: '^services/' } },
    {
      name: 'no-proto-to-anything',
      severity: 'error',
      from: { path: '^proto/' },
      to: { path: '^(libs|services)/' },
    },
    {
      name: 'no-production-to-tests',
      severity: 'error',
      from: { path: '^(libs|services|proto)/[^/]+/src/' },
      to: { path: '^tests/|/test/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'The domain knows neither adapters nor application nor the platform.',
      severity: 'error',
      from: { path: '^services/([^/]+)/src/domain/' },
      to: {
        path: '^services/$1/src/(application|adapters)/|^node:(fs|net|http|https|child_process|worker_threads)$|^libs/(bus|store|artifacts|service-kit|telemetry)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'application-knows-no-adapter',
      severity: 'error',
      from: { path: '^services/([^/]+)/src/application/' },
      to: { path: '^services/$1/src/adapters/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'pure-libs-do-no-io',
      severity: 'error',
      from: { path: '^libs/(tabular|nn)/src/' },
      to: {
        path: '^libs/(bus|store|artifacts|service-kit|telemetry|client)/|^(fs|net|http|https|child_process)$',
      },
    },
    {
      name: 'otel-sdk-only-in-telemetry',
      severity: 'error',
      from: { pathNot: '^libs/telemetry/|/test/|^tests/' },
      to: { path: 'node_modules/@opentelemetry/(sdk|exporter|resources|core)' },
    },
    {
      name: 'testing-only-in-tests',
      severity: 'error',
      from: { path: '/src/', pathNot: '^libs/bus/src/testing/' },
      to: { path: '^libs/bus/src/testing/' },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: 'tfjs-node|onnxruntime' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|node_modules|src/gen)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.json'],
    },
  },
};
