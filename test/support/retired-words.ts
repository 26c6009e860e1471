type Retired = { word: RegExp; instead: string }

/** Own words that standard terms replaced. Ordinary English words are retired in their special meaning only. */
const retired: readonly Retired[] = [
  {
    word: /\b\w+Soon\b|\bSoon\b|\b(?<!\bas )soon\b(?! as\b)/,
    instead: 'MaybePromise, thenSync; `at once` or a time',
  },
  { word: /\bonAnswered\b|\b(type|:) Answered\b|\/answered\b/, instead: 'onResponse, ResponseInfo' },
  { word: /\brepeatedly\b|core\/repeat\b/i, instead: 'runPeriodically' },
  { word: /\bsessions\/repeat\b/, instead: 'refresh-reuse, handleTokenReuse' },
  { word: /\bwait\.given\b/, instead: 'aborted' },
  {
    word: /\bassertRoom\b|\bcreateGate\b|\bgateOf\b|\/gate\b/,
    instead: 'Semaphore, permits, assertCapacity',
  },
  { word: /(?<!re)storable/i, instead: 'assertPostgresText' },
  { word: /\bfitsAny\b|\bstored-hash\b/, instead: 'verifyHash' },
  { word: /\bguess(es)?\b/i, instead: 'login-throttle, throttleLogin; `attempt`' },
  { word: /\b(most|longest|deepest)[A-Z]\w*|\b(MOST|LONGEST|DEEPEST)_\w+/, instead: 'max…' },
  { word: /\balone\(/, instead: 'withAdvisoryLock' },
  { word: /\batomically\b/i, instead: 'withTransaction; `in one transaction`' },
  { word: /\bonDoubt\b|(?<!\bin[- ])\bdoubt(s|ful)?\b/i, instead: 'inDoubtCommit; `unknown`, `in doubt`' },
  { word: /\bdeaf\b|\bsolitary\b/i, instead: 'disconnectedListener, noopListener' },
  { word: /\.answers\(/, instead: 'ping' },
  { word: /\bupkeep\b|\btidy\b/i, instead: 'maintenance' },
  { word: /\blittleBytes\b/, instead: 'lowWatermark' },
  { word: /\badopt(ed|s)?\b/, instead: 'promote' },
  { word: /\bassemble\b/, instead: 'createDeps' },
  { word: /\bonBehalf\b/, instead: 'asRequest' },
  { word: /\bonOwnBehalf\b/, instead: 'asSystem' },
  { word: /\bhang-?ups?\b/i, instead: 'sighup' },
  { word: /\bAccountant\b|\breach\(/, instead: 'UserAdminClient, openOrConnect' },
  { word: /\bsentenceOf\b/, instead: 'formatError' },
  { word: /\binterrupted\(|\/interrupted\b/, instead: 'withSignalCleanup' },
  { word: /\bTokenKind\b/, instead: 'JwtCodec' },
  { word: /\bsignPair\b/, instead: 'issueTokens' },
  { word: /\btellEnded\b/, instead: 'recordRevocations' },
  { word: /\btellMembers\b/, instead: 'notifyMembers' },
  { word: /\bHolder\b|\btype Named\b/, instead: 'VerifiedUser, TokenSubject' },
  { word: /\bacquaintances?\b/i, instead: 'known, `already known`' },
  { word: /\/shapes\b/, instead: 'schemas' },
  { word: /\bfigures\b|\bTally\b/, instead: 'metrics, counters; `numbers`' },
  { word: /\bstrangers?\b/i, instead: 'unauthenticated' },
  { word: /\bvacated\b/i, instead: 'pendingRemovals' },
  { word: /\bletGo\b|\bsendHome\b/, instead: 'cleanup, closeOnError' },
  { word: /\bmind\(/, instead: 'reconcile' },
  { word: /\bwalker\b/i, instead: 'openapi-authorization' },
  { word: /\boblivion\b/i, instead: 'half-open-connections' },
  { word: /\btour\(|\btour\.test\b/, instead: 'readme' },
]

/** Every retired word in a file or its path, as `path:line 'word' is retired; say …`. */
export function judgeWords(path: string, text: string): string[] {
  const lines = [path, ...text.split('\n')]
  return lines.flatMap((line, at) =>
    retired.flatMap(({ word, instead }) => {
      const [found] = line.match(word) ?? []
      return found ? [`${path}:${at} '${found}' is retired; say ${instead}`] : []
    }),
  )
}
