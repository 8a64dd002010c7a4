import type { ServiceDefinition, Shape } from '../definition.ts'
import { passwordField, plainField, resource, secretField, usernameField, variant } from '../fields.ts'
import { alphanumeric, emailShape, form, privateKeyLookalikes, privateKeyShape, run, token } from '../shapes.ts'
import { urlParts, webUrlProblems } from '../url.ts'

const anyLogin: Shape = form(
  'observed',
  /^https:\/\/[A-Za-z0-9.-]+\.(?:salesforce\.com|salesforce\.mil|sfcrmproducts\.cn|cloudforce\.com)\/?$/,
  'https://login.salesforce.com, https://test.salesforce.com or the My Domain login URL',
  'https://example.my.salesforce.com',
  { problems: (text) => webUrlProblems(text, ['https'], false), parts: urlParts },
)

const myDomain: Shape = {
  ...anyLogin,
  accepts: (text) => !/^https:\/\/(?:login|test)\.salesforce\.com/.test(text),
  expected: 'the My Domain login URL, such as https://example.my.salesforce.com',
}

/** Marketing Cloud has ids and secrets of its own. Their form is nowhere written down. */
const marketingCloud: Shape = form(
  'guess',
  /^[A-Za-z0-9]{20,64}$/,
  'the letters and digits that the installed package of Marketing Cloud shows, 24 of them',
  'x'.repeat(24),
)

export const salesforce: ServiceDefinition = {
  id: 'salesforce',
  title: 'Salesforce and Marketing Cloud',
  description: 'Reads and writes records of Salesforce (core CRM), and data of Marketing Cloud Engagement.',
  docs: 'https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm',
  getCredential:
    'Core CRM: in Setup, the consumer details of a connected app or an external client app. Marketing Cloud: in Setup, under Installed Packages, an API integration of the kind server-to-server.',
  fields: [
    plainField('instanceUrl', 'Login URL of the organisation (My Domain). Client credentials work there only.', {
      aliases: ['login_url', 'loginUrl', 'domain', 'base_uri', 'baseUri'],
      shape: anyLogin,
      lookalikes: [
        [/^https:\/\/[^/]*\.lightning\.force\.com/, 'the URL of the Lightning pages, which takes no logins'],
        [/^https:\/\/[^/]*\.marketingcloudapis\.com/, 'a URL of Marketing Cloud, which goes by subdomain'],
        [
          /^https:\/\/(?:login|test)\.salesforce\.com/,
          'the login URL that all organisations share, which refuses client credentials',
        ],
      ],
      env: ['SF_ORG_INSTANCE_URL'],
    }),
    plainField('clientId', 'Consumer key of the app; in Marketing Cloud the client id of the installed package.', {
      aliases: ['consumer_key', 'consumerKey', 'SF_CLIENT_ID'],
      shape: token(['3MVG9', run('0-9A-Za-z._+/=', 'letters, digits and signs', 'x', 80, 251)], {
        confidence: 'observed',
        expected: 'a consumer key: 85 to 256 characters that begin with 3MVG9',
        distinctive: 'a Salesforce consumer key (3MVG9...)',
      }),
      env: ['SALESFORCE_CLIENT_ID'],
    }),
    secretField(
      'clientSecret',
      'Consumer secret of the app; in Marketing Cloud the client secret of the installed package.',
      {
        aliases: ['consumer_secret', 'consumerSecret', 'SF_CLIENT_SECRET'],
        shape: form(
          'observed',
          /^(?:[A-Za-z0-9+/=.]{64}|\d{19})$/,
          'a consumer secret: 64 letters and digits, or 19 digits in old apps',
          '0'.repeat(64),
          { anyLength: /^[A-Za-z0-9+/=.]+$/ },
        ),
        lookalikes: [[/^3MVG9/, 'a consumer key (3MVG9...)']],
        env: ['SALESFORCE_CLIENT_SECRET'],
      },
    ),
    usernameField('User name, in the form of an e-mail address.', {
      aliases: ['SF_USERNAME'],
      example: 'int.user@example.com',
      shape: emailShape('documented'),
      env: ['SALESFORCE_USERNAME'],
    }),
    passwordField('Password of the user. The security token may follow it, or stand under securityToken.', {
      aliases: ['SF_PASSWORD'],
      env: ['SALESFORCE_PASSWORD'],
    }),
    secretField('securityToken', 'Security token of the user, which clients append to the password.', {
      aliases: ['token', 'SF_SECURITY_TOKEN'],
      shape: token(alphanumeric(20, 30), 'guess'),
      env: ['SALESFORCE_SECURITY_TOKEN'],
    }),
    secretField('privateKey', 'Private key for the JWT bearer flow: RSA, in PEM.', {
      aliases: ['jwt_key', 'server.key', 'key'],
      shape: privateKeyShape,
      lookalikes: privateKeyLookalikes,
      multiline: true,
    }),
    plainField('audience', 'Audience of the JWT: https://login.salesforce.com or https://test.salesforce.com.', {
      aliases: ['aud'],
      shape: form(
        'documented',
        /^https:\/\/(?:(?:login|test)\.salesforce\.com|[A-Za-z0-9.-]+\.force\.com(?:\/[^\s?#]*)?)$/,
        'https://login.salesforce.com, https://test.salesforce.com, or the URL of a site under force.com',
        'https://login.salesforce.com',
      ),
      env: ['SF_AUDIENCE_URL'],
    }),
    secretField('accessToken', 'Access token. It expires, so a Secret is a poor place for it.', {
      shape: {
        // The second form is the JWT that newer apps can be set to.
        pattern: /^(?:00[A-Za-z0-9]{13}![A-Za-z0-9_.]{96}|eyJ[\w-]+\.[\w-]+\.[\w-]+)$/,
        confidence: 'observed',
        expected:
          'the id of the organisation (15 characters that begin with 00), an exclamation mark and 96 characters',
        example: `00DDDDDDDDDDDDD!${'x'.repeat(96)}`,
        distinctive: 'a Salesforce access token',
        anyLength: /^00[A-Za-z0-9]{13}![A-Za-z0-9_.]+$/,
      },
      env: ['SF_ACCESS_TOKEN'],
    }),
    secretField('refreshToken', 'Refresh token of the web server flow.', { example: 'not-a-real-token' }),
    plainField(
      'subdomain',
      'Marketing Cloud: subdomain of the tenant, 28 characters that begin with mc. It tells the two apart.',
      {
        aliases: ['mc_subdomain'],
        shape: {
          ...token(['mc', run('a-z0-9-', 'lower-case letters, digits and dashes', 'x', 26)], 'guess'),
          pattern: /^[a-z0-9-]{28}$/,
          anyLength: /^[a-z0-9-]+$/,
        },
        lookalikes: [[/^https?:\/\/|\.marketingcloudapis\.com/i, 'a whole URL; the first part of its host is enough']],
      },
    ),
    plainField('scope', 'Marketing Cloud: scopes to ask for, with spaces between them.', {
      aliases: ['scopes'],
      example: 'email_read list_and_subscribers_read',
    }),
  ],
  variants: [
    variant(
      'clientCredentials',
      'Core CRM: client credentials, at the My Domain login URL.',
      ['instanceUrl', 'clientId', 'clientSecret'],
      [],
      { shapes: { instanceUrl: myDomain } },
    ),
    variant(
      'usernamePassword',
      'Core CRM: user and password. Many organisations block this flow.',
      ['clientId', 'clientSecret', 'username', 'password'],
      ['securityToken', 'instanceUrl'],
    ),
    variant(
      'jwtBearer',
      'Core CRM: a JWT that a private key signs.',
      ['clientId', 'username', 'privateKey'],
      ['audience', 'instanceUrl'],
    ),
    variant(
      'refreshToken',
      'Core CRM: a refresh token.',
      ['clientId', 'refreshToken'],
      ['clientSecret', 'instanceUrl'],
    ),
    variant('accessToken', 'Core CRM: an access token, which expires.', ['instanceUrl', 'accessToken']),
    variant(
      'marketingCloud',
      'Marketing Cloud Engagement: client credentials of an installed package.',
      ['subdomain', 'clientId', 'clientSecret'],
      ['scope'],
      { shapes: { clientId: marketingCloud, clientSecret: marketingCloud } },
    ),
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
  // The type of Tracardi is Marketing Cloud, whatever its manual says.
  tracardi: [
    resource('salesforce', { client_id: '{clientId}', client_secret: '{clientSecret}', subdomain: '{subdomain}' }, [
      'marketingCloud',
    ]),
  ],
  notConfirmed: [
    'The forms of security tokens, of subdomains, and of all that Marketing Cloud gives out.',
    'The length of consumer keys and secrets: it was seen in examples and in the rules of scanners.',
  ],
}
