// Generates TypeScript from the proto files, and the descriptor set that gRPC reflection serves.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);
const buf = require.resolve('@bufbuild/buf/bin/buf');

rmSync(new URL('./src/gen', import.meta.url), { recursive: true, force: true });
mkdirSync(new URL('./src/gen', import.meta.url), { recursive: true });
const run = (...args) => execFileSync(process.execPath, [buf, ...args], { cwd: here, stdio: 'inherit' });
run('generate', '--include-imports');
run('build', '--exclude-source-info', '--as-file-descriptor-set', '-o', 'src/gen/descriptor.binpb');
