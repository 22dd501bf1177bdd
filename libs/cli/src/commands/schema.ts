import { TerminalError } from '@rookery/contracts';
import { givenSpecSchema } from '@rookery/nn/spec';
import { Command } from 'commander';

/** What has a JSON Schema, by name. */
const schemas: Readonly<Record<string, object>> = { 'model-spec': givenSpecSchema };

/** `rookery schema model-spec`: the JSON Schema of what stands as JSON in an event, for editors. Needs no running system. */
export function schemaCommand(): Command {
  const names = Object.keys(schemas).join(', ');
  return new Command('schema')
    .description('Print the JSON Schema of a specification, for an editor')
    .argument('<name>', `one of: ${names}`)
    .action((name: string) => {
      const schema = Object.hasOwn(schemas, name) ? schemas[name] : undefined;
      if (schema === undefined) {
        throw new TerminalError('RK_REQUEST_INVALID', `There is no schema ${JSON.stringify(name)}`, {
          details: { name },
          hint: `There is: ${names}.`,
        });
      }
      console.log(JSON.stringify(schema, null, 2));
    });
}
