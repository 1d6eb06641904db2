/**
 * Keeps strings as fast as they were before ioredis was loaded.
 *
 * It has a class that extends `String`, which makes V8 move the methods of all strings to where it finds them slowly, and
 * leave them there: strings that are plain values never make it look again. A method that is read from a String object
 * does, as soon as the code that reads it ran often enough to remember. Does nothing elsewhere than in V8.
 */
export function keepStringsFast(): void {
  const text = Object('') as string
  for (let i = 0; i < 1000; i++) methodOf(text)
}

const methodOf = (text: string) => text.charCodeAt
