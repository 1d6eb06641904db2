const hidden = '[secret]'

/** A value that does not print: JSON, templates, `console.log` and inspection show `[secret]`. */
export class Secret<T> {
  readonly #value: T
  constructor(value: T) {
    this.#value = value
  }
  /** The value itself. Call it where the value is used, never to pass it on. */
  reveal(): T {
    return this.#value
  }
  toString(): string {
    return hidden
  }
  toJSON(): string {
    return hidden
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden
  }
}
