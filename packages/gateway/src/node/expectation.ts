import { GatewayError } from '../errors.ts'

/** Whether nothing but `100-continue` is expected (RFC 9110, section 10.1.1). */
export function isContinue(expect: string): boolean {
  return /^100-continue(?:[ \t]*,[ \t]*100-continue)*$/i.test(expect)
}

export function unknownExpectation(): GatewayError {
  return new GatewayError('bad-request', 417, 'The only expectation that is understood is 100-continue')
}
