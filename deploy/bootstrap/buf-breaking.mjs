// Compares proto/ with the image of the last released contracts (proto/released.binpb): WIRE_JSON compatibility.
// The image is renewed at a release with `npm run release:contracts`.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { root, run } from './process.mjs';

const image = join(root, 'proto/released.binpb');
if (!existsSync(image)) {
  console.error('proto/released.binpb is missing: make it with npm run release:contracts');
  process.exit(1);
}
const buf = join(root, 'node_modules/@bufbuild/buf/bin/buf');
process.exit(
  await run(process.execPath, [buf, 'breaking', '--against', 'released.binpb'], { cwd: join(root, 'proto') }),
);
