// Makes 5,000 texts and their ids with independent native parts: Hugging Face's tokenizer, and jieba-rs for the words
// of RoFormer. Some lines of the vocabulary occur twice. Writes titles.json.gz beside this file. How to run it:
// README.md.
import { createRequire } from 'node:module';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';

const require = createRequire(`${process.cwd()}/`);
const hf = require('tokenizers');
const { Jieba } = require('@node-rs/jieba');
const beside = name => new URL(name, import.meta.url);
const count = 5000;
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const dictionary = brotliDecompressSync(readFileSync(beside('../../../src/Models/Text/Jieba/dict.txt.br')));
const jieba = Jieba.withDict(dictionary);

// mulberry32, so that the same seed gives the same texts
let state = 2021;
function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = n => Math.floor(random() * n);
const pick = list => list[below(list.length)];
const times = (n, make) => Array.from({ length: n }, make);

// The dictionary's words, the most frequent first.
const frequent = dictionary.toString('utf8').split('\n').filter(Boolean).map(line => line.split(' ')).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([word]) => word);

// ---- the vocabulary: vocab.txt, the words of roformer.json.gz, these lines. The last line of a piece counts. ----
const vocabulary = readFileSync(beside('vocab.txt'), 'utf8').split('\n');
const words = JSON.parse(gunzipSync(readFileSync(beside('roformer.json.gz')))).words;
const lines = [
    '非常', '的', '##ing', '##的', 'a', 'é', '[MASK]', '视频', '非常', // twice or three times
    'café', 'cafe', '##\u{1f600}', '\u{1f600}\u{1f600}', '👍🏻', '\u200d', '##\u200d', '👨\u200d👩', '\ufe0f', 'b'.repeat(120), '##b', '电影'.repeat(60), 'naïve', 'ｃ', '\u0301', '##\u0301',
    ...frequent.filter(word => [...word].length === 1 && !vocabulary.includes(word)).slice(0, 3000),
];
const pieces = [...vocabulary, ...words, ...lines];
const ids = new Map(pieces.map((piece, id) => [piece, id]));

// Hugging Face reads a file in the same way. It cuts blanks off the ends of lines, so lines of blanks are left out.
const endsBlank = piece => /[\s\u0085]$/u.test(piece);
const folder = mkdtempSync(join(tmpdir(), 'vocabulary-'));
const file = join(folder, 'vocab.txt');
writeFileSync(file, pieces.map((piece, id) => endsBlank(piece) ? `[blank${id}]` : piece).join('\n'));
const ofFile = new hf.Tokenizer(await hf.WordPiece.fromFile(file)).getVocab();
rmSync(folder, { recursive: true });
for (const [piece, id] of ids) if (!endsBlank(piece) && ofFile[piece] !== id) throw new Error(`${piece}: ${ofFile[piece]}, not ${id}`);

const tokenizer = (added) => hf.Tokenizer.fromString(JSON.stringify({
    version: '1.0', truncation: null, padding: null, post_processor: null, decoder: null,
    added_tokens: added.map(content => ({ id: ids.get(content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries(ids) },
}));
const bert = tokenizer(special), plain = tokenizer([]);
const idsOf = async (tokenizer, text) => (await tokenizer.encode(text)).getIds();

// The rule of the slow RoFormerTokenizer: special tokens stay, lower-casing, jieba, then pieces or BERT's tokenizer.
async function roformer(text) {
    const found = [];
    for (const part of text.split(/(\[(?:PAD|UNK|CLS|SEP|MASK)\])/u)) {
        if (special.includes(part)) { found.push(ids.get(part)); continue; }
        const lowered = [...part].map(c => c.toLowerCase()).join('');
        for (const word of lowered === '' ? [] : jieba.cut(lowered, false))
            found.push(...(ids.has(word) ? [ids.get(word)] : await idsOf(plain, word)));
    }
    return found;
}

// ---- the texts ----
const emoji = ['😀', '👍🏻', '👨‍👩‍👧', '❤️', '🇨🇳', '🤣', '\u{1f600}\u{1f600}', '👩🏽‍🚀', '1️⃣', '🏴\u{e0067}\u{e007f}'];
const marks = ['\u0301', '\u0300', '\u0308', '\u0327', '\u3099', '\u20dd', '\u0307', '\u302e'];
const accented = ['é', 'É', 'e\u0301', 'ñ', 'Ü', 'U\u0308', 'İ', 'ß', 'ẞ', 'Å', '\u212b', 'naïve', 'CAFÉ', 'café', 'cafe\u0301', 'ガ', 'か\u3099', '한', '\u1112\u1161\u11ab', 'Ω', '\u2126', 'Đ', 'й', 'Й'];
const latin = ['iPhone', 'NBA', 'vlog', 'C++', 'AT&T', 'T恤', 'abc123', '4K', '1080p', 'hello', 'Playing', 'x', 'B超', '2021', '3.14%', 'a_b-c'];
const punctuation = [...'，。！？：、《》【】“”…—·~-_.,!?#@&%+|/()（） 　'];
const parts = {
    word: () => frequent[Math.floor(frequent.length * random() ** 4)],
    rare: () => pick(frequent),
    latin: () => pick(latin),
    accented: () => pick(accented),
    punctuation: () => pick(punctuation),
    emoji: () => pick(emoji),
    special: () => pick([...special, '[MASK]', '[mask]', '[MASK', '[[SEP]]', 'MASK]', '##', '##ing']),
    blank: () => pick(['\r\n', '\n', '\t', '\u2028', '\u0085', '\u00a0', '\u200b', '\u0000', '\ufeff', '\ufffd', '\u00ad']),
    piece: () => pick(pieces),
    any: () => String.fromCodePoint(pick([below(0xd800), 0xe000 + below(0x2000), 0x10000 + below(0x20000)])),
};
const some = (names, n) => times(n, () => parts[pick(names)]()).join('');
// An accent behind a character of a dictionary's word: jieba splits the word there.
const withMarks = text => [...text].map(c => random() < 0.25 ? c + pick(marks) : c).join('');
// A word of 97 to 103 code points, with what surrounds it.
function atTheLimit() {
    const unit = pick([...emoji, '😀', '😀', 'b', 'é', 'e\u0301', 'ａ', '한', '\u{10400}', '👍']);
    let points = [];
    while (points.length < 103) points.push(...unit);
    return some(['word', 'blank', 'latin'], below(2)) + points.slice(0, 97 + below(7)).join('') + some(['word', 'emoji', 'punctuation'], below(2));
}
const kinds = [
    [45, () => some(['word', 'word', 'word', 'word', 'rare', 'punctuation', 'latin'], 3 + below(12))],
    [10, () => some(['word', 'latin', 'emoji', 'emoji', 'punctuation'], 2 + below(10))],
    [15, () => withMarks(some(['word', 'word', 'accented', 'latin'], 2 + below(6)))],
    [8, () => some(['word', 'accented', 'accented', 'blank'], 2 + below(8))],
    [8, () => some(['word', 'special', 'piece', 'latin'], 2 + below(8))],
    [8, () => some(Object.keys(parts), 1 + below(12))],
    [6, atTheLimit],
];
function text() {
    let left = below(100);
    return kinds.find(([share]) => (left -= share) < 0)[1]();
}
const handMade = [
    '非常好看的视频', '的的的', '[MASK]的[MASK]', 'playing', 'É é e\u0301', `${'b'.repeat(120)}`, `${'b'.repeat(121)}`, '电影'.repeat(60), 'CAFÉ café cafe\u0301', 'naïve NAÏVE',
    '😀'.repeat(99), '😀'.repeat(100), '😀'.repeat(101), '👍🏻'.repeat(50), `${'👍🏻'.repeat(50)}😀`, '👨‍👩‍👧'.repeat(20), '👨‍👩‍👧'.repeat(33), '👨‍👩‍👧'.repeat(34), '❤️'.repeat(100), '🇨🇳'.repeat(51),
    '非\u0301常', '非常\u0301', '北京e\u0301大学', '北京大学\u0301', 'e\u0301\u0301', `${'e\u0301'.repeat(100)}`, `${'e\u0301'.repeat(101)}`, 'か\u3099き', '\u0301', '\u0301非常', 'a\u200db',
];
const texts = new Set(handMade);
while (texts.size < count) texts.add(text());

const cases = [];
for (const text of texts) {
    const ofBert = await idsOf(bert, text), ofRoformer = await roformer(text);
    cases.push(JSON.stringify([text, ofBert, ofRoformer]));
}
const packed = gzipSync(`{"oracle":"npm @node-rs/jieba 2.0.3, tokenizers 0.23.2",\n"lines":${JSON.stringify(lines)},\n"cases":[\n${cases.join(',\n')}\n]}\n`, { level: 9 });
writeFileSync(beside('titles.json.gz'), packed);
for (const [name, column] of [['BERT', 1], ['RoFormer', 2]]) {
    const all = cases.flatMap(line => JSON.parse(line)[column]);
    const share = test => `${(100 * all.filter(test).length / all.length).toFixed(1)} %`;
    console.log(`${name}: ${cases.length} texts, ${all.length} tokens, ${share(id => id === ids.get('[UNK]'))} unknown, ${share(id => id >= vocabulary.length)} of the added lines`);
}
console.log(`${pieces.length} lines, ${pieces.length - ids.size} of them repeat others; ${packed.length} bytes`);
