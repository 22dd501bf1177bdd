import { join } from 'node:path';

import ts from 'typescript';
import { expect, it } from 'vitest';

import { exampleFolder } from './support/built-child.js';

it('the example plug-ins are what the interface asks for, as the compiler sees it', () => {
  const program = ts.createProgram(
    ['knn', 'tfidf'].map((name) => join(exampleFolder(name), 'index.js')),
    {
      allowJs: true,
      checkJs: true,
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: ['node'],
    },
  );
  const faults = program
    .getRootFileNames()
    .flatMap((file) => program.getSemanticDiagnostics(program.getSourceFile(file)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
  expect(faults).toEqual([]);
}, 120_000);
