/** What services that are SQL databases have alike: separate fields, or one URL that stands for all of them. */
import type { FieldDefinition, Shape, TracardiMapping } from './definition.ts'
import { hostField, resource, secretField } from './fields.ts'
import { urlLookalike } from './shapes.ts'

export function sqlHostField(env: string): FieldDefinition {
  const lookalikes = [{ ...urlLookalike, is: 'a whole URL, which belongs under uri' }]
  return hostField('Host, when there is no uri.', { aliases: ['server', 'HOST'], env: [env], lookalikes })
}

/** One URL. Many frameworks read it from DATABASE_URL, whatever the database is. */
export function sqlUriField(shape: Shape): FieldDefinition {
  return secretField('uri', 'One URL, special characters percent-encoded, in place of the other fields.', {
    aliases: ['url', 'dsn', 'connectionString', 'connection_string'],
    env: ['DATABASE_URL'],
    shape,
    lookalikes: [[/^jdbc:/i, 'a JDBC URL, which only Java reads']],
  })
}

/** The resources of Tracardi for the variants `fields` and `uri`. */
export function sqlResources(type: string, port: number): readonly TracardiMapping[] {
  const from = (prefix: string, database: string): TracardiMapping['credentials'] => ({
    host: `{${prefix}host}`,
    port: `{${prefix}port|${port}}`,
    user: `{${prefix}user}`,
    password: `{${prefix}password}`,
    database: `{${database}}`,
  })
  return [resource(type, from('', 'database'), ['fields']), resource(type, from('uri.', 'uri.path'), ['uri'])]
}
