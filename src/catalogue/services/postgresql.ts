import type { ServiceDefinition, Shape } from '../definition.ts'
import { passwordField, plainField, portField, variant } from '../fields.ts'
import { connectionUrlShape, form, oneOf } from '../shapes.ts'
import { sqlHostField, sqlResources, sqlUriField } from '../sql.ts'

const uriShape: Shape = {
  ...connectionUrlShape({
    // Behind the plus sign, SQLAlchemy has the driver.
    schemes: ['postgresql', 'postgres', 'postgresql+psycopg', 'postgresql+psycopg2', 'postgresql+asyncpg'],
    path: 'database',
    hosts: true,
    example: 'postgresql://app:not-a-real-password@pg.example.internal:5432/appdb?sslmode=require',
  }),
  expected: 'postgresql://[user[:password]@]host[:port][,host...][/database][?options]',
}

const nameShape: Shape = form('guess', /^[^\p{Cc}]{1,63}$/u, 'at most 63 characters', 'app')

export const postgresql: ServiceDefinition = {
  id: 'postgresql',
  title: 'PostgreSQL',
  description: 'Keeps data in PostgreSQL.',
  docs: 'https://www.postgresql.org/docs/current/libpq-connect.html',
  getCredential:
    'An administrator makes the role with CREATE ROLE ... LOGIN PASSWORD, or the operator of the database writes a Secret for it.',
  fields: [
    sqlHostField('PGHOST'),
    portField('Port. Default: 5432.', { aliases: ['PORT'], env: ['PGPORT'], example: '5432' }),
    plainField('user', 'Role.', {
      aliases: ['username', 'POSTGRES_USER', 'db_user'],
      env: ['PGUSER'],
      shape: nameShape,
    }),
    passwordField('Password of the role.', {
      aliases: ['POSTGRES_PASSWORD', 'postgres-password'],
      env: ['PGPASSWORD'],
    }),
    plainField('database', 'Name of the database.', {
      aliases: ['dbname', 'db', 'POSTGRES_DB'],
      env: ['PGDATABASE'],
      shape: nameShape,
    }),
    sqlUriField(uriShape),
    plainField('sslmode', 'How TLS is used.', {
      env: ['PGSSLMODE'],
      shape: oneOf('documented', 'require', 'verify-full', 'verify-ca', 'prefer', 'allow', 'disable', 'no-verify'),
    }),
  ],
  variants: [
    // Operators of databases write both forms into one Secret.
    variant('fields', 'Separate fields.', ['host', 'user', 'password'], ['port', 'database', 'sslmode', 'uri']),
    variant('uri', 'One URL.', ['uri'], ['sslmode']),
  ],
  tracardi: sqlResources('postgresql', 5432),
  notConfirmed: ['How long roles and names of databases may be (63 characters).'],
}
