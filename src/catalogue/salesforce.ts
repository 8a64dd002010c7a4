import type { Lookalike, ServiceDefinition, Shape } from './definition.ts'
import { privateKeyShape } from './shapes.ts'
import { urlParts, webUrlProblems } from './url.ts'

const myDomain: Shape = {
  pattern: /^https:\/\/[A-Za-z0-9.-]+\.(?:salesforce\.com|salesforce\.mil|sfcrmproducts\.cn|cloudforce\.com)\/?$/,
  accepts: (text) => !/^https:\/\/(?:login|test)\.salesforce\.com/.test(text),
  confidence: 'observed',
  expected: 'the My Domain login URL, such as https://example.my.salesforce.com',
  problems: (text) => webUrlProblems(text, ['https'], false),
  parts: urlParts,
}

const anyLogin: Shape = {
  pattern: myDomain.pattern,
  confidence: 'observed',
  expected: 'https://login.salesforce.com, https://test.salesforce.com or the My Domain login URL',
  problems: (text) => webUrlProblems(text, ['https'], false),
  parts: urlParts,
}

const clientIdShape: Shape = {
  pattern: /^3MVG9[0-9A-Za-z._+/=]{80,251}$/,
  confidence: 'observed',
  expected: 'a consumer key: 85 to 256 characters that begin with 3MVG9',
  prefix: '3MVG9',
  distinctive: 'a Salesforce consumer key (3MVG9...)',
  anyLength: /^3MVG9[0-9A-Za-z._+/=]*$/,
}

/** Marketing Cloud has ids and secrets of its own. Their form is nowhere written down. */
const marketingCloudShape: Shape = {
  pattern: /^[A-Za-z0-9]{20,64}$/,
  confidence: 'guess',
  expected: 'the letters and digits that the installed package of Marketing Cloud shows, 24 of them',
}

const loginHosts: Lookalike = {
  pattern: /^https:\/\/(?:login|test)\.salesforce\.com/,
  is: 'the login URL that all organisations share, which refuses client credentials',
}

export const salesforce: ServiceDefinition = {
  id: 'salesforce',
  title: 'Salesforce and Marketing Cloud',
  description: 'Reads and writes records of Salesforce (core CRM), and data of Marketing Cloud Engagement.',
  docs: 'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm',
  fields: [
    {
      name: 'instanceUrl',
      aliases: ['instance_url', 'login_url', 'loginUrl', 'domain', 'base_uri', 'baseUri'],
      secret: false,
      description: 'Login URL of the organisation (My Domain). Client credentials work there only.',
      example: 'https://example.my.salesforce.com',
      shape: anyLogin,
      lookalikes: [
        {
          pattern: /^https:\/\/[^/]*\.lightning\.force\.com/,
          is: 'the URL of the Lightning pages, which takes no logins',
        },
        {
          pattern: /^https:\/\/[^/]*\.marketingcloudapis\.com/,
          is: 'a URL of Marketing Cloud, which goes by subdomain',
        },
        loginHosts,
      ],
      env: ['SF_ORG_INSTANCE_URL'],
    },
    {
      name: 'clientId',
      aliases: ['client_id', 'consumer_key', 'consumerKey', 'SF_CLIENT_ID'],
      secret: false,
      description: 'Consumer key of the app; in Marketing Cloud the client id of the installed package.',
      example: `3MVG9${'x'.repeat(80)}`,
      shape: clientIdShape,
      env: ['SALESFORCE_CLIENT_ID'],
    },
    {
      name: 'clientSecret',
      aliases: ['client_secret', 'consumer_secret', 'consumerSecret', 'SF_CLIENT_SECRET'],
      secret: true,
      description: 'Consumer secret of the app; in Marketing Cloud the client secret of the installed package.',
      example: '0'.repeat(64),
      shape: {
        pattern: /^(?:[A-Za-z0-9+/=.]{64}|\d{19})$/,
        confidence: 'observed',
        expected: 'a consumer secret: 64 letters and digits, or 19 digits in old apps',
        anyLength: /^[A-Za-z0-9+/=.]+$/,
      },
      lookalikes: [{ pattern: /^3MVG9/, is: 'a consumer key (3MVG9...)' }],
      env: ['SALESFORCE_CLIENT_SECRET'],
    },
    {
      name: 'username',
      aliases: ['user', 'SF_USERNAME'],
      secret: false,
      description: 'User name, in the form of an e-mail address.',
      example: 'int.user@example.com',
      shape: {
        pattern: /^[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+$/,
        confidence: 'documented',
        expected: 'the form of an e-mail address',
      },
      env: ['SALESFORCE_USERNAME'],
    },
    {
      name: 'password',
      aliases: ['SF_PASSWORD'],
      secret: true,
      description: 'Password of the user. The security token may follow it, or stand under securityToken.',
      example: 'not-a-real-pw',
      env: ['SALESFORCE_PASSWORD'],
    },
    {
      name: 'securityToken',
      aliases: ['security_token', 'token', 'SF_SECURITY_TOKEN'],
      secret: true,
      description: 'Security token of the user, which clients append to the password.',
      example: 'x'.repeat(24),
      shape: {
        pattern: /^[A-Za-z0-9]{20,30}$/,
        confidence: 'guess',
        expected: '20 to 30 letters and digits',
      },
      env: ['SALESFORCE_SECURITY_TOKEN'],
    },
    {
      name: 'privateKey',
      aliases: ['private_key', 'jwt_key', 'server.key', 'key'],
      secret: true,
      description: 'Private key for the JWT bearer flow: RSA, in PEM.',
      example: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----',
      shape: privateKeyShape,
      lookalikes: [
        { pattern: /-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/, is: 'a key behind a passphrase' },
        {
          pattern: /-----BEGIN (?:EC|DSA|OPENSSH) PRIVATE KEY-----/,
          is: 'a private key that is not an RSA key in PEM',
        },
        { pattern: /-----BEGIN (?:CERTIFICATE|(?:RSA )?PUBLIC KEY)-----/, is: 'a certificate or a public key' },
      ],
      env: [],
      multiline: true,
    },
    {
      name: 'audience',
      aliases: ['aud'],
      secret: false,
      description: 'Audience of the JWT: https://login.salesforce.com or https://test.salesforce.com.',
      example: 'https://login.salesforce.com',
      shape: {
        pattern: /^https:\/\/(?:(?:login|test)\.salesforce\.com|[A-Za-z0-9.-]+\.force\.com(?:\/[^\s?#]*)?)$/,
        confidence: 'documented',
        expected: 'https://login.salesforce.com, https://test.salesforce.com, or the URL of a site under force.com',
      },
      env: ['SF_AUDIENCE_URL'],
    },
    {
      name: 'accessToken',
      aliases: ['access_token'],
      secret: true,
      description: 'Access token. It expires, so a Secret is a poor place for it.',
      example: `00DDDDDDDDDDDDD!${'x'.repeat(96)}`,
      shape: {
        // The second form is the JWT that newer apps can be set to.
        pattern: /^(?:00[A-Za-z0-9]{13}![A-Za-z0-9_.]{96}|eyJ[\w-]+\.[\w-]+\.[\w-]+)$/,
        confidence: 'observed',
        expected:
          'the id of the organisation (15 characters that begin with 00), an exclamation mark and 96 characters',
        distinctive: 'a Salesforce access token',
        anyLength: /^00[A-Za-z0-9]{13}![A-Za-z0-9_.]+$/,
      },
      env: ['SF_ACCESS_TOKEN'],
    },
    {
      name: 'refreshToken',
      aliases: ['refresh_token'],
      secret: true,
      description: 'Refresh token of the web server flow.',
      example: 'not-a-real-token',
      env: [],
    },
    {
      name: 'subdomain',
      aliases: ['mc_subdomain'],
      secret: false,
      description:
        'Marketing Cloud: subdomain of the tenant, 28 characters that begin with mc. It tells the two apart.',
      example: `mc${'x'.repeat(26)}`,
      shape: {
        pattern: /^[a-z0-9-]{28}$/,
        confidence: 'guess',
        expected: '28 lower-case letters, digits and dashes that begin with mc',
        length: 28,
        prefix: 'mc',
        anyLength: /^[a-z0-9-]+$/,
      },
      lookalikes: [
        { pattern: /^https?:\/\/|\.marketingcloudapis\.com/i, is: 'a whole URL; the first part of its host is enough' },
      ],
      env: [],
    },
    {
      name: 'scope',
      aliases: ['scopes'],
      secret: false,
      description: 'Marketing Cloud: scopes to ask for, with spaces between them.',
      example: 'email_read list_and_subscribers_read',
      env: [],
    },
  ],
  variants: [
    {
      id: 'clientCredentials',
      description: 'Core CRM: client credentials, at the My Domain login URL.',
      required: ['instanceUrl', 'clientId', 'clientSecret'],
      optional: [],
      shapes: { instanceUrl: myDomain },
    },
    {
      id: 'usernamePassword',
      description: 'Core CRM: user and password. Many organisations block this flow.',
      required: ['clientId', 'clientSecret', 'username', 'password'],
      optional: ['securityToken', 'instanceUrl'],
    },
    {
      id: 'jwtBearer',
      description: 'Core CRM: a JWT that a private key signs.',
      required: ['clientId', 'username', 'privateKey'],
      optional: ['audience', 'instanceUrl'],
    },
    {
      id: 'refreshToken',
      description: 'Core CRM: a refresh token.',
      required: ['clientId', 'refreshToken'],
      optional: ['clientSecret', 'instanceUrl'],
    },
    {
      id: 'accessToken',
      description: 'Core CRM: an access token, which expires.',
      required: ['instanceUrl', 'accessToken'],
      optional: [],
    },
    {
      id: 'marketingCloud',
      description: 'Marketing Cloud Engagement: client credentials of an installed package.',
      required: ['subdomain', 'clientId', 'clientSecret'],
      optional: ['scope'],
      shapes: { clientId: marketingCloudShape, clientSecret: marketingCloudShape },
    },
  ],
  pairs: [
    ['username', 'password'],
    ['securityToken', 'password'],
  ],
  partners: [
    {
      field: 'subdomain',
      excludes: 'instanceUrl',
      because: 'The subdomain belongs to Marketing Cloud, the URL to the core CRM; these have different client ids.',
    },
  ],
}
