/** The catalogue. A service is one file beside this one and one line here; everything else is derived from both. */
import type { ServiceDefinition } from './definition.ts'
import { redis } from './redis.ts'
import { sendgrid } from './sendgrid.ts'
import { twilio } from './twilio.ts'

const all: readonly ServiceDefinition[] = [redis, sendgrid, twilio]

/** Every service by its id. */
export const services: ReadonlyMap<string, ServiceDefinition> = new Map(all.map((service) => [service.id, service]))

/** The ids of all services, sorted: the enum of `spec.service`. */
export const serviceIds: readonly string[] = [...services.keys()].sort()
