/**
 * Finds what a TypeScript file imports: static, type-only, dynamic and re-exported, and `import()` types.
 *
 * TypeScript 7 has no compiler API, so this is a small tokenizer: it knows comments, strings, templates and regular
 * expressions well enough never to take their insides for code.
 */

/**
 * @typedef {{ kind: 'word' | 'string' | 'mark', text: string, line: number }} Token
 * @typedef {{ specifier: string | null, typeOnly: boolean, line: number }} Import
 *   `specifier` is null where `import()` is given something other than a string literal.
 */

/** What stands before a `/` that divides; after anything else a `/` begins a regular expression. */
const ENDS_A_VALUE = /^[\w$)\]}]/;
const WORDS_BEFORE_A_VALUE = new Set(
  'return typeof instanceof in of new delete void throw case do else yield await'.split(' '),
);

/** What may begin at a place in the text, tried in this order. */
const PIECES = [
  ['skip', /\s+/y],
  ['skip', /\/\/[^\n]*/y],
  ['skip', /\/\*[\s\S]*?\*\//y],
  ['string', /'(?:[^'\\\n]|\\[\s\S])*'?/y],
  ['string', /"(?:[^"\\\n]|\\[\s\S])*"?/y],
  ['word', /[#\w$\u0080-\uffff]+/y],
];
const REGULAR_EXPRESSION = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const TEMPLATE_PART = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(`|\$\{|$)/y;

/**
 * @param {string} text
 * @returns {Token[]}
 */
function tokensOf(text) {
  /** @type {Token[]} */
  const tokens = [];
  /** For each open `${` of a template: how many braces are open inside it. */
  const templates = [];
  let at = 0;
  let line = 1;

  const take = (/** @type {RegExp} */ pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return null;
    at = pattern.lastIndex;
    return found;
  };
  const add = (kind, piece, value = piece) => {
    if (kind !== 'skip') tokens.push({ kind, text: value, line });
    line += piece.split('\n').length - 1;
  };
  const template = () => {
    const found = take(TEMPLATE_PART);
    add('skip', found[0]);
    if (found[1] === '${') templates.push(0);
    // What follows a template, or a part of one, is as after a value or at the beginning of an expression.
    tokens.push({ kind: 'mark', text: found[1] === '${' ? '(' : ')', line });
  };

  next: while (at < text.length) {
    for (const [kind, pattern] of PIECES) {
      const found = take(pattern);
      if (found === null) continue;
      add(kind, found[0], kind === 'string' ? found[0].slice(1, -1) : found[0]);
      continue next;
    }
    if (text[at] === '/' && !endsAValue(tokens.at(-1))) {
      const found = take(REGULAR_EXPRESSION);
      if (found !== null) {
        add('mark', found[0], ')');
        continue;
      }
    }
    const mark = text[at];
    at += 1;
    if (mark === '`') {
      template();
    } else if (mark === '}' && templates.at(-1) === 0) {
      templates.pop();
      template();
    } else {
      if (mark === '{' && templates.length > 0) templates[templates.length - 1] += 1;
      if (mark === '}' && templates.length > 0) templates[templates.length - 1] -= 1;
      add('mark', mark);
    }
  }
  return tokens;
}

/** @param {Token | undefined} token */
function endsAValue(token) {
  if (token === undefined) return false;
  if (token.kind === 'string') return true;
  return ENDS_A_VALUE.test(token.text) && !WORDS_BEFORE_A_VALUE.has(token.text);
}

/**
 * Every import of a file, in order.
 *
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(text) {
  const tokens = tokensOf(text);
  const imports = [];
  tokens.forEach((token, index) => {
    if (token.kind !== 'word' || tokens[index - 1]?.text === '.') return;
    const found =
      token.text === 'import'
        ? importAt(tokens, index)
        : token.text === 'export'
          ? reExportAt(tokens, index)
          : null;
    if (found !== null) imports.push({ ...found, line: token.line });
  });
  return imports;
}

/**
 * @param {Token[]} tokens
 * @param {number} index where `import` is
 */
function importAt(tokens, index) {
  const next = tokens[index + 1];
  if (next === undefined || next.text === '.' || next.text === ':') return null;
  if (next.kind === 'string') return { specifier: next.text, typeOnly: false };
  if (next.text === '(') {
    const argument = tokens[index + 2];
    const literal = argument?.kind === 'string' && /^[),]$/.test(tokens[index + 3]?.text ?? '');
    return {
      specifier: literal ? argument.text : null,
      typeOnly: tokens[index - 1]?.text === 'typeof',
    };
  }
  const typeOnly = next.text === 'type' && !/^(from|,|=)$/.test(tokens[index + 2]?.text ?? '');
  return fromAfter(tokens, index + 1, typeOnly);
}

/**
 * @param {Token[]} tokens
 * @param {number} index where `export` is
 */
function reExportAt(tokens, index) {
  const typeOnly = tokens[index + 1]?.text === 'type';
  const first = tokens[index + (typeOnly ? 2 : 1)]?.text;
  return first === '{' || first === '*' ? fromAfter(tokens, index + 1, typeOnly) : null;
}

/**
 * The `from '…'` of a statement whose clause begins at `start`: braces, names, commas and stars, nothing else.
 *
 * @param {Token[]} tokens
 * @param {number} start
 * @param {boolean} typeOnly
 */
function fromAfter(tokens, start, typeOnly) {
  for (let at = start; at < tokens.length; at += 1) {
    const token = tokens[at];
    if (token.text === 'from' && tokens[at + 1]?.kind === 'string') {
      return { specifier: tokens[at + 1].text, typeOnly };
    }
    if (token.kind === 'mark' && !'{},*'.includes(token.text)) return null;
    if (token.text === '}' && tokens[at + 1]?.text !== 'from') return null;
  }
  return null;
}
