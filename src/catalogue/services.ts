/** The catalogue. A service is one file beside this one and one line here; everything else is derived from both. */
import type { ServiceDefinition } from './definition.ts'
import { airtable } from './airtable.ts'
import { aws } from './aws.ts'
import { clicksend } from './clicksend.ts'
import { elasticsearch } from './elasticsearch.ts'
import { matomo } from './matomo.ts'
import { redis } from './redis.ts'
import { salesforce } from './salesforce.ts'
import { sendgrid } from './sendgrid.ts'
import { telegram } from './telegram.ts'
import { twilio } from './twilio.ts'

const all: readonly ServiceDefinition[] = [
  airtable,
  aws,
  clicksend,
  elasticsearch,
  matomo,
  redis,
  salesforce,
  sendgrid,
  telegram,
  twilio,
]

/** Every service by its id. */
export const services: ReadonlyMap<string, ServiceDefinition> = new Map(all.map((service) => [service.id, service]))

/** The ids of all services, sorted: the enum of `spec.service`. */
export const serviceIds: readonly string[] = [...services.keys()].sort()
