import { renderPermissions } from '@rookery/bus/access';
import { givenSpecSchema } from '@rookery/nn/spec';
import { renderConfigTable } from '@rookery/service-kit';

import { renderErrorCodes } from './error-codes.js';
import { renderSubjects } from './subjects.js';

/** The documents that are written from code: path below the root, and how. */
export const documents: Readonly<Record<string, () => string>> = {
  'docs/error-codes.md': renderErrorCodes,
  'docs/contracts/subjects.md': renderSubjects,
  'docs/contracts/config.md': renderConfigTable,
  'docs/contracts/permissions.md': renderPermissions,
  'docs/contracts/model-spec.schema.json': () => `${JSON.stringify(givenSpecSchema, null, 2)}\n`,
};
