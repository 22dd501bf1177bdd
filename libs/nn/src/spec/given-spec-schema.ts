import { modelSpecSchema } from './model-spec-schema.js';
import type { Schema } from './schema-parts.js';

const { $schema, title, description, type, $defs, ...network } = modelSpecSchema;

const identity: Schema = {
  type: 'object',
  properties: { name: { type: 'string' }, version: { type: 'string' }, sha256: { type: 'string' } },
  required: ['name'],
  additionalProperties: false,
};

/**
 * The JSON Schema (2020-12) of what may stand in modelSpec of an event: a network, as {@link modelSpecSchema} has it, or a plug-in in its
 * place, whose options only the plug-in knows.
 */
export const givenSpecSchema: Schema = {
  $schema,
  title,
  description,
  type,
  if: { type: 'object', required: ['plugin'], properties: { plugin: { not: { type: 'null' } } } },
  then: {
    properties: {
      $schema: { type: ['string', 'null'] },
      plugin: {
        description:
          'A plug-in that the operator allows, by name, or with the version or hash that it must have.',
        anyOf: [{ type: 'string', minLength: 1 }, identity],
      },
      options: { description: 'As the plug-in has them.', type: ['object', 'null'] },
      task: { enum: ['classification', 'regression', null] },
      epochs: { description: 'Stands for the option of this name, as do batchSize and learningRate.' },
      batchSize: {},
      learningRate: {},
      seed: {},
    },
    additionalProperties: false,
  },
  else: network,
  $defs,
};
