import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

import { root, run } from './process.mjs';

const bin = (file) => join(root, 'node_modules', file);

/** Checks that count as one test each; their output is shown where they fail. */
const checks = [
  ['buf lint', [bin('@bufbuild/buf/bin/buf'), 'lint'], 'proto'],
  ['buf breaking against the last release', ['deploy/bootstrap/buf-breaking.mjs'], '.'],
  ['typecheck', [bin('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'], '.'],
  [
    'prettier',
    [bin('prettier/bin/prettier.cjs'), '--check', '--log-level=warn', '**/*.{ts,js,mjs,cjs}'],
    '.',
  ],
  [
    'eslint',
    [
      bin('eslint/bin/eslint.js'),
      '.',
      '--max-warnings=0',
      '--cache',
      '--cache-location',
      'node_modules/.cache/eslint',
    ],
    '.',
  ],
  ['turbo boundaries', [bin('turbo/bin/turbo'), 'boundaries', '--no-update-notifier'], '.'],
  [
    'dependency-cruiser',
    [
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      'services',
      'libs',
      'tests',
      'deploy',
    ],
    '.',
  ],
  ['knip', [bin('knip/bin/knip.js')], '.'],
];

/**
 * Runs all checks and tests, and ends with the line `N passed, N failed[, N skipped]`. Arguments are passed to vitest
 * and leave the checks out, so that `npm test -- libs/bus` runs a part. Resolves to the exit code.
 */
export async function runTests(args, env) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const failures = [];
  if (args.length === 0) {
    for (const [name, command, folder] of checks) {
      const code = await run(process.execPath, command, { quiet: true, env, cwd: join(root, folder) });
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name}`);
      if (code === 0) passed += 1;
      else {
        failed += 1;
        failures.push(name);
      }
    }
  }
  const report = join(root, 'node_modules/.cache/test-report.json');
  mkdirSync(join(root, 'node_modules/.cache'), { recursive: true });
  rmSync(report, { force: true });
  const code = await run(
    process.execPath,
    [
      bin('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...args,
    ],
    { env },
  );
  const result = readReport(report);
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  skipped += result.numPendingTests + result.numTodoTests;
  // A file that can't be loaded, or an error outside any test, fails the run without a failed test.
  if (code !== 0 && result.numFailedTests === 0) {
    failed += 1;
    failures.push('vitest');
  }
  if (failures.length > 0) console.log(`failed: ${failures.join(', ')}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed === 0 ? 0 : 1;
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}
