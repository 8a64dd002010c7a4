/** Recognises credentials of other services by forms that nothing else has. */
import type { ServiceDefinition, Shape } from './definition.ts'
import { fits } from './definition.ts'
import { services } from './services.ts'

/**
 * Wider forms than those that services declare, for what was cut off or is newer, with the id of the service; and those of
 * services that are not in the catalogue, but in many of the same Secret stores.
 */
const others: readonly (readonly [RegExp, string, string?])[] = [
  [/^xox[abeoprs]-[A-Za-z0-9-]{10,}$/, 'a Slack token (xox...)', 'slack'],
  [/^https:\/\/hooks\.slack\.com\//, 'a Slack webhook URL', 'slack'],
  [/^(?:gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{22,})$/, 'a GitHub token (gh..._)', 'github'],
  [/^glpat-[\w.-]{20,}$/, 'a GitLab access token (glpat-...)'],
  [/^[rs]k_(?:live|test)_[A-Za-z0-9]{16,}$/, 'a Stripe key'],
  [/^sk-ant-[\w-]{20,}$/, 'an Anthropic API key (sk-ant-...)'],
  [/^sk-(?:proj|svcacct|admin)-[\w-]{20,}$/, 'an OpenAI API key (sk-...)', 'openai'],
  [/^pat-(?:na|eu|ap)\d-[0-9a-f-]{36}$/, 'a HubSpot access token (pat-...)', 'hubspot'],
  [/^npm_[A-Za-z0-9]{36}$/, 'an npm access token (npm_...)'],
]

interface Distinctive {
  readonly service: string
  readonly shape: Shape
  readonly is: string
}

function distinctiveShapes(): readonly Distinctive[] {
  return [...services.values()].flatMap((service) => {
    const shapes = [
      ...service.fields.map((field) => field.shape),
      ...service.variants.flatMap((variant) => Object.values(variant.shapes ?? {})),
    ]
    return shapes.flatMap((shape) =>
      shape?.distinctive === undefined ? [] : [{ service: service.id, shape, is: shape.distinctive }],
    )
  })
}

const distinctive = distinctiveShapes()

/** What the value is, with its article, when it is a credential of another service than this one. */
export function foreignCredential(text: string, service: Pick<ServiceDefinition, 'id'>): string | undefined {
  // A JWT is of a form that many services use.
  if (/^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(text)) return undefined
  const known = distinctive.find((other) => other.service !== service.id && fits(other.shape, text))
  return known?.is ?? others.find(([pattern, , owner]) => owner !== service.id && pattern.test(text))?.[1]
}
