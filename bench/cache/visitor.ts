/** Somebody who signs in at the provider's pages: follows redirects, keeps cookies, fills in the forms. */

/** More than any sign-in has. */
const maxSteps = 20

/**
 * Visits a page behind a login and goes through everything that is asked. Gives the cookies in the end, by name.
 *
 * @throws Error when that does not end at the page
 */
export async function signInAtProvider(page: string, who: string): Promise<ReadonlyMap<string, string>> {
  const cookies = new Map<string, string>()
  let request = new Request(page)
  for (let step = 0; step < maxSteps; step += 1) {
    request.headers.set('Accept', 'text/html')
    request.headers.set('Cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
    const answer = await fetch(request, { redirect: 'manual' })
    keep(cookies, answer.headers.getSetCookie())
    const next = follow(request.url, answer) ?? fillIn(request.url, await answer.text(), who)
    if (next === undefined && answer.status === 200 && request.url === page) return cookies
    if (next === undefined) throw new Error(`${request.url} answered ${answer.status} while ${who} signed in`)
    request = next
  }
  throw new Error(`${who} was still not signed in after ${maxSteps} steps`)
}

function keep(cookies: Map<string, string>, lines: readonly string[]): void {
  for (const line of lines) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
    if (value === '') cookies.delete(name!)
    else cookies.set(name!, value!)
  }
}

function follow(url: string, { headers }: Response): Request | undefined {
  const location = headers.get('Location')
  return location === null ? undefined : new Request(new URL(location, url))
}

/** The provider's forms for login and consent; each says in a hidden field which it is. */
function fillIn(url: string, html: string, who: string): Request | undefined {
  const action = /<form[^>]* action="([^"]+)"/.exec(html)?.[1]
  const prompt = /name="prompt" value="(\w+)"/.exec(html)?.[1]
  if (action === undefined || prompt === undefined) return undefined
  return new Request(new URL(action, url), {
    method: 'POST',
    body: new URLSearchParams({ prompt, login: who, password: 'any' }),
  })
}
