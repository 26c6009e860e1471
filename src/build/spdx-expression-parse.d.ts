declare module 'spdx-expression-parse' {
  /** Throws for a text that is not an SPDX expression. */
  export default function parse(expression: string): unknown
}
