import type { ServiceDefinition, Shape } from '../definition.ts'
import { passwordField, plainField, portField, variant } from '../fields.ts'
import { connectionUrlShape, form } from '../shapes.ts'
import { sqlHostField, sqlResources, sqlUriField } from '../sql.ts'

const uriShape: Shape = {
  ...connectionUrlShape({
    // Behind the plus sign, SQLAlchemy has the driver; mysql2 is what Rails writes.
    schemes: ['mysql', 'mariadb', 'mysql2', 'mysql+pymysql', 'mysql+aiomysql', 'mysql+asyncmy', 'mysql+mysqldb'],
    path: 'database',
    example: 'mysql://app:not-a-real-password@mysql.example.internal:3306/appdb',
  }),
  confidence: 'observed',
  expected: 'mysql://[user[:password]@]host[:port][/database]',
}

export const mysql: ServiceDefinition = {
  id: 'mysql',
  title: 'MySQL / MariaDB',
  description: 'Keeps data in MySQL or MariaDB.',
  docs: 'https://dev.mysql.com/doc/refman/8.4/en/create-user.html',
  getCredential:
    'An administrator makes the user with CREATE USER and GRANT. Users are tied to the hosts that they come from, so allow the network of the pods.',
  fields: [
    sqlHostField('MYSQL_HOST'),
    portField('Port. Default: 3306.', { aliases: ['PORT'], example: '3306' }),
    plainField('user', 'User.', {
      aliases: ['username', 'db_user'],
      env: ['MYSQL_USER'],
      shape: form('guess', /^[^\p{Cc}]{1,80}$/u, 'at most 80 characters', 'app'),
    }),
    passwordField('Password of the user.', { aliases: ['mysql-password'], env: ['MYSQL_PASSWORD'] }),
    plainField('database', 'Name of the database.', {
      aliases: ['db', 'dbname'],
      env: ['MYSQL_DATABASE'],
      shape: form('guess', /^[^/\\.\p{Cc}]{1,64}$/u, 'at most 64 characters, without slashes and dots', 'appdb'),
    }),
    sqlUriField(uriShape),
  ],
  variants: [
    // Operators of databases write both forms into one Secret.
    variant('fields', 'Separate fields.', ['host', 'user', 'password'], ['port', 'database', 'uri']),
    variant('uri', 'One URL.', ['uri']),
  ],
  tracardi: sqlResources('mysql', 3306),
  notConfirmed: ['How long users and names of databases may be (80 and 64 characters).'],
}
