export { exampleFile } from './example-file.js';
export { millionColumns, millionRows, writeMillion } from './million-rows.js';
export { exampleNames, readExample } from './read-example.js';
export type { Example } from './read-example.js';
