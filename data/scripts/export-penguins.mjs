/*
 * Writes penguins.csv beside this folder from the npm package vega-datasets: the column names in the spelling of the
 * original study's table, a value that is not there as NA. Run: node data/scripts/export-penguins.mjs
 */
import { readFile, writeFile } from 'node:fs/promises';

const columns = {
  species: 'Species',
  island: 'Island',
  culmen_length_mm: 'Beak Length (mm)',
  culmen_depth_mm: 'Beak Depth (mm)',
  flipper_length_mm: 'Flipper Length (mm)',
  body_mass_g: 'Body Mass (g)',
  sex: 'Sex',
};

// The package's exports do not list its data files, so the file is read where npm puts it.
const source = new URL('../../node_modules/vega-datasets/data/penguins.json', import.meta.url);
const rows = JSON.parse(await readFile(source, 'utf8'));
const lines = [
  Object.keys(columns).join(','),
  ...rows.map((row) =>
    Object.values(columns)
      .map((field) => row[field] ?? 'NA')
      .join(','),
  ),
];
await writeFile(new URL('../penguins.csv', import.meta.url), `${lines.join('\n')}\n`);
