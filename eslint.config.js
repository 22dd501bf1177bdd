import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const grpcDefaultImport = {
  selector: "ImportDeclaration[source.value='@grpc/grpc-js'] > ImportDefaultSpecifier",
  message: 'Import grpc-js by namespace or by name: a default import escapes instrumentation.',
};
const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Use a named export.',
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      'proto/src/gen/**',
      '**/.turbo/**',
      '.rookery/**',
      'services/console/public/**',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/require-await': 'off',
      // Ports are objects made by functions: their methods do not use `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'no-restricted-syntax': ['error', grpcDefaultImport, noDefaultExport],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: [
      'services/*/src/config.ts',
      'libs/service-kit/src/**',
      'libs/telemetry/src/**',
      'libs/cli/**',
      'deploy/**',
      '**/test/**',
      'tests/**',
      'libs/bus/src/testing/**',
      '**/*.config.ts',
    ],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Read the environment in config.ts, through service-kit.',
        },
      ],
    },
  },
  {
    files: ['services/*/src/domain/**/*.ts', 'libs/tabular/src/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Pass the time in.' },
        { object: 'Math', property: 'random', message: 'Pass a seeded generator in.' },
        {
          object: 'process',
          property: 'env',
          message: 'Read the environment in config.ts, through service-kit.',
        },
      ],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: '^node:(fs|net|http|https|child_process|worker_threads|dgram|timers)',
              message: 'The domain does no I/O.',
            },
          ],
        },
      ],
    },
  },
  {
    files: ['libs/cli/**/*.ts', 'deploy/**/*.ts', 'tests/**/*.ts', '**/test/**/*.ts', '**/*.config.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/test/**/*.ts', 'tests/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.config.ts', 'eslint.config.js'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['**/*.{js,mjs,cjs}'],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        setTimeout: 'readonly',
        fetch: 'readonly',
        AbortSignal: 'readonly',
        TextEncoder: 'readonly',
        TextDecoder: 'readonly',
        module: 'readonly',
        require: 'readonly',
      },
    },
  },
);
