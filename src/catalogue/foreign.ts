/** Recognises credentials of other services by forms that nothing else has. */
import type { ServiceDefinition, Shape } from './definition.ts'
import { fits } from './definition.ts'
import { services } from './services.ts'

/** Of services that are not in the catalogue, but in many of the same Secret stores. */
const others: readonly (readonly [RegExp, string])[] = [
  [/^xox[abeoprs]-[A-Za-z0-9-]{10,}$/, 'a Slack token (xox...)'],
  [/^https:\/\/hooks\.slack\.com\//, 'a Slack webhook URL'],
  [/^(?:gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{22,})$/, 'a GitHub token (gh..._)'],
  [/^glpat-[\w.-]{20,}$/, 'a GitLab access token (glpat-...)'],
  [/^[rs]k_(?:live|test)_[A-Za-z0-9]{16,}$/, 'a Stripe key'],
  [/^sk-ant-[\w-]{20,}$/, 'an Anthropic API key (sk-ant-...)'],
  [/^sk-[\w-]{20,}$/, 'an OpenAI API key (sk-...)'],
  [/^AIza[\w-]{35}$/, 'a Google API key (AIza...)'],
  [/^EAA[A-Za-z0-9]{60,}$/, 'a Facebook access token (EAA...)'],
  [/^pat-(?:na|eu|ap)\d-[0-9a-f-]{36}$/, 'a HubSpot access token (pat-...)'],
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
export function foreignCredential(text: string, service: ServiceDefinition): string | undefined {
  // A JWT is of a form that many services use.
  if (/^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(text)) return undefined
  const known = distinctive.find((other) => other.service !== service.id && fits(other.shape, text))
  return known?.is ?? others.find(([pattern]) => pattern.test(text))?.[1]
}
