// Generated from src/catalogue/services by `npm run generate`. Do not edit.
import type { ServiceDefinition } from './definition.ts'
import { activecampaign } from './services/activecampaign.ts'
import { airtable } from './services/airtable.ts'
import { amplitude } from './services/amplitude.ts'
import { apiKey } from './services/api-key.ts'
import { aws } from './services/aws.ts'
import { azureEntra } from './services/azure-entra.ts'
import { civicrm } from './services/civicrm.ts'
import { clicksend } from './services/clicksend.ts'
import { deepl } from './services/deepl.ts'
import { discord } from './services/discord.ts'
import { elasticemail } from './services/elasticemail.ts'
import { elasticsearch } from './services/elasticsearch.ts'
import { facebook } from './services/facebook.ts'
import { fullcontact } from './services/fullcontact.ts'
import { generic } from './services/generic.ts'
import { ghost } from './services/ghost.ts'
import { github } from './services/github.ts'
import { googleAnalytics4 } from './services/google-analytics-4.ts'
import { googleServiceAccount } from './services/google-service-account.ts'
import { httpApi } from './services/http-api.ts'
import { hubspot } from './services/hubspot.ts'
import { imap } from './services/imap.ts'
import { influxdb } from './services/influxdb.ts'
import { intercom } from './services/intercom.ts'
import { kafka } from './services/kafka.ts'
import { mailchimp } from './services/mailchimp.ts'
import { mailersend } from './services/mailersend.ts'
import { mailjet } from './services/mailjet.ts'
import { mandrill } from './services/mandrill.ts'
import { matomo } from './services/matomo.ts'
import { mautic } from './services/mautic.ts'
import { maxmind } from './services/maxmind.ts'
import { meaningcloud } from './services/meaningcloud.ts'
import { mixpanel } from './services/mixpanel.ts'
import { mongodb } from './services/mongodb.ts'
import { mqtt } from './services/mqtt.ts'
import { mysql } from './services/mysql.ts'
import { novu } from './services/novu.ts'
import { openai } from './services/openai.ts'
import { postgresql } from './services/postgresql.ts'
import { pulsar } from './services/pulsar.ts'
import { pushover } from './services/pushover.ts'
import { rabbitmq } from './services/rabbitmq.ts'
import { redis } from './services/redis.ts'
import { resend } from './services/resend.ts'
import { salesforce } from './services/salesforce.ts'
import { segment } from './services/segment.ts'
import { sendgrid } from './services/sendgrid.ts'
import { seven } from './services/seven.ts'
import { slack } from './services/slack.ts'
import { smtp } from './services/smtp.ts'
import { telegram } from './services/telegram.ts'
import { token } from './services/token.ts'
import { tracardiMicroservice } from './services/tracardi-microservice.ts'
import { tracardiScheduler } from './services/tracardi-scheduler.ts'
import { trello } from './services/trello.ts'
import { twilio } from './services/twilio.ts'
import { twitter } from './services/twitter.ts'
import { weatherMsn } from './services/weather-msn.ts'
import { weaviate } from './services/weaviate.ts'
import { webPage } from './services/web-page.ts'
import { whatsapp } from './services/whatsapp.ts'
import { zapier } from './services/zapier.ts'

export const allServices: readonly ServiceDefinition[] = [
  activecampaign,
  airtable,
  amplitude,
  apiKey,
  aws,
  azureEntra,
  civicrm,
  clicksend,
  deepl,
  discord,
  elasticemail,
  elasticsearch,
  facebook,
  fullcontact,
  generic,
  ghost,
  github,
  googleAnalytics4,
  googleServiceAccount,
  httpApi,
  hubspot,
  imap,
  influxdb,
  intercom,
  kafka,
  mailchimp,
  mailersend,
  mailjet,
  mandrill,
  matomo,
  mautic,
  maxmind,
  meaningcloud,
  mixpanel,
  mongodb,
  mqtt,
  mysql,
  novu,
  openai,
  postgresql,
  pulsar,
  pushover,
  rabbitmq,
  redis,
  resend,
  salesforce,
  segment,
  sendgrid,
  seven,
  slack,
  smtp,
  telegram,
  token,
  tracardiMicroservice,
  tracardiScheduler,
  trello,
  twilio,
  twitter,
  weatherMsn,
  weaviate,
  webPage,
  whatsapp,
  zapier,
]
