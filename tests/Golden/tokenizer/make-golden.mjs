// Runs Hugging Face's own tokenizer over hand-made and random strings.
//   node make-golden.mjs                          writes vocab.txt (made up here) and golden.json beside this file
//   node make-golden.mjs VOCAB COUNT OUTPUT SEED  the same with another vocabulary and strings, to compare by hand
// How to run it: README.md beside this file.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';

const hf = createRequire(`${process.cwd()}/`)('tokenizers');
const beside = name => new URL(name, import.meta.url);
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const title = '英雄联盟：8年未曾拿过五杀，电脑都看不下去，直接接管了！';

// ---- random numbers: mulberry32, so that the same seed gives the same strings ----
let state = Number(process.argv[5] ?? 20211014);
function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const below = n => Math.floor(random() * n);
const pick = list => list[below(list.length)];
const span = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => String.fromCodePoint(first + i));
const range = (...bounds) => () => { const [first, last] = pick(bounds); return String.fromCodePoint(first + below(last - first + 1)); };

// ---- the vocabulary ----
function makeVocabulary() {
    const pieces = new Set(['[PAD]', ...Array.from({ length: 9 }, (_, i) => `[unused${i + 1}]`), '[UNK]', '[CLS]', '[SEP]', '[MASK]', '<S>']);
    const add = (list, both = false) => { for (const p of list) { pieces.add(p); if (both) pieces.add(`##${p}`); } };
    add(span(0x21, 0x40)); add(span(0x5b, 0x60)); add(span(0x7b, 0x7e));
    add(span(0x30, 0x39), true); add(span(0x61, 0x7a), true);
    add(Array.from({ length: 100 }, (_, i) => String(i).padStart(2, '0')), true);
    add(Array.from({ length: 30 }, (_, i) => String(2000 + i)));
    const consonants = [...'bcdfghklmnprstvwy'], vowels = [...'aeiou'];
    add(consonants.flatMap(c => vowels.map(v => c + v)), true);
    add(['ing', 'er', 'ed', 'ly', 'tion', 'est', 'ness', 'able', 'man', 'land'], true);
    add(['the', 'and', 'video', 'play', 'game', 'music', 'movie', 'hello', 'world', 'iphone', 'cba', 'nba', 'vlog', 'mask', 'cls', 'sep', 'unk', 'pad']);
    add(span(0xdf, 0xff).concat([...'ıłøđæœþðŋßſ']), true);
    add(span(0x3b1, 0x3c9), true); add(span(0x430, 0x45f), true); add(span(0x561, 0x586)); add(span(0x5d0, 0x5ea), true);
    add(span(0x621, 0x64a), true); add(span(0x904, 0x939), true); add([0x93e, 0x93f, 0x940, 0x949].map(c => String.fromCodePoint(c)), true);
    add(span(0xe01, 0xe2e), true); add(span(0x10d0, 0x10f0)); add(span(0x1100, 0x1112), true); add(span(0x1161, 0x1175), true);
    add(span(0x11a8, 0x11c2), true);
    add(span(0x3041, 0x3096), true); add(span(0x30a1, 0x30fa), true); add([...'ーヽヾゝゞ々〆']);
    add(span(0x2010, 0x2027)); add(span(0x2030, 0x205e)); add(span(0x3001, 0x301f)); add(span(0xff01, 0xff5e), true);
    add([...'¡§©«®°±²³µ¶·»¿×÷€£¥™℃№①②③ⅰⅱ→↑↓←■□▲△●○★☆♀♂♥♪✓✿❤']); add([...'⃣︎️‍'], true);
    add([...'😀😂😍👍🔥🎉🏀🇨🇳👨👩👧🏻🤣'], true);
    add(['\u2028', '\u2029', '\u0085', '##\u2028', '##\u0085', '\u00a0', '##\u200b', '\ufeff']); // never matched; a file cut at these would shift all ids
    add([...title, ...'的一是不了人我在有他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏雄盟曾杀脑'], true);
    for (let c = 0x4e00; c <= 0x9fa5; c += 17) add([String.fromCodePoint(c)], c % 2 === 0);
    add([0x3400, 0x4db5, 0x20000, 0x2a6d6, 0x2b740, 0x2b8ff, 0x2b920, 0x2ceb0, 0x30000].map(c => String.fromCodePoint(c)), true);
    return [...pieces].join('\n'); // no line feed at the end: Hugging Face's published file for Chinese has none either
}

const ownVocabulary = process.argv.length < 4;
if (ownVocabulary) writeFileSync(beside('vocab.txt'), makeVocabulary());
const pieces = readFileSync(ownVocabulary ? beside('vocab.txt') : process.argv[2], 'utf8').replace(/\n$/, '').split('\n');
const ids = new Map(pieces.map((p, i) => [p, i]));
if (ids.size !== pieces.length) throw new Error('a piece occurs twice');

const tokenizer = hf.Tokenizer.fromString(JSON.stringify({
    version: '1.0', truncation: null, padding: null,
    added_tokens: special.map(content => ({ id: ids.get(content), content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', ids.get('[SEP]')], cls: ['[CLS]', ids.get('[CLS]')] },
    decoder: null,
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries(ids) },
}));

// ---- the strings ----
const handMade = [
    '', ' ', '\t\r\n', title, '今天天气非常好。', 'Hello, World!', 'HELLO\tworld\nfoo', 'playing videos landed', 'unaffable', 'a'.repeat(99), 'a'.repeat(100),
    'a'.repeat(101), `${'é'.repeat(100)} b`, `${'가'.repeat(34)}`, `${'😀'.repeat(100)}`, `${'😀'.repeat(101)}`, `x${'\u0301'.repeat(200)}y`, '你好世界'.repeat(30),
    '[CLS]', '[cls]', '[MASK]你[SEP]好[PAD][UNK]', 'a[MASK]b', '[[MASK]]', '[MA\u200bSK]', '[MASK', '[Mask] [MASK ]', '##ing', '# #ing', 'x##ing', '[unused1]',
    'Ünïcödé Å é', 'U\u0308ni\u0308co\u0308de\u0301', 'İstanbul ISPARTA ı', 'ŒUVRE Æther ŁÓDŹ', 'ΑΣΟΣ Ὀδυσσεύς ᾳ', 'МОСКВА Йод Ёлка', 'STRASSE straße ẞ', 'Việt Nam Đặng',
    'が ぎ ガ パ ゔ', 'か\u3099 ハ\u309a', 'ｱｲｳ ＡＢＣ １２３', '한국어 각', '\u1112\u1161\u11ab', 'हिन्दी की', 'العَرَبِيَّة', 'עִבְרִית', 'ภาษาไทย กี่', '2021年10月14日', '3.14%', '100,000',
    '$+<=>^`|~_-', '¥€£°±×÷©®™', '①②③ⅠⅡ½', '“你好”‘好’…—·', '《电影》【视频】（音乐）', '👨‍👩‍👧 👍🏻 🇨🇳 ❤️', 'a\u00adb\u200bc\u200dd\ufeffe', 'a\u00a0b\u3000c\u2003d', 'a\u2028b\u2029c\u0085d',
    'a\u000bb\u000cc', 'a\u0000b\ufffdc\u0007d', '\ue000x\u{f0000}y\u{10ffff}', '\u037e \u1fef \u2260 \u226e \u212b \u212a', '\uf900\ufa0e\u{2f800}\u{2fa1d}', '\u{20000}\u{2a6d6}\u{2b740}\u{2b8ff}\u{2b920}\u{2ceb0}\u{30000}',
    '一\u0301二', '\u0301', 'e\u0301\u0327', '\u0378\u{1fffe}', '\u1b06\u0ccb\u{1d160}', '\u166d \u1734 \u1885 \ua9bd', 'ＨＥＬＬＯ ｗｏｒｌｄ！', '一a二b三', 'iPhone12Pro Max', 'C++ C# .NET', "don't", 'a_b',
];
const cjk = [...new Set(pieces.filter(p => /^\p{Script=Han}$/u.test(p)))];
const latin = range([0x61, 0x7a], [0x61, 0x7a], [0x61, 0x7a], [0x41, 0x5a]);
const known = pieces.filter(p => !/^\[|^##/.test(p));
const alphabets = {
    han: () => pick(cjk), hanAny: range([0x4e00, 0x9fff]), hanRare: range([0x3400, 0x4dbf], [0x20000, 0x2ceff], [0x2f800, 0x2fa1f], [0xf900, 0xfaff], [0x2e80, 0x2fdf], [0x31350, 0x323af]),
    latin, digit: range([0x30, 0x39]), ascii: range([0x20, 0x7e]), blank: () => pick([' ', ' ', ' ', '\t', '\n', '\u3000', '\u00a0', '\u2009']),
    fullWidth: range([0xff01, 0xff5e], [0x3000, 0x303f]), kana: range([0x3041, 0x30ff], [0x31f0, 0x31ff], [0xff66, 0xff9f]), hangul: range([0xac00, 0xd7a3], [0x1100, 0x11ff]),
    accented: range([0xc0, 0x24f], [0x1e00, 0x1eff]), mark: range([0x300, 0x36f], [0x300, 0x36f], [0x1ab0, 0x1aff], [0x20d0, 0x20ff], [0xfe00, 0xfe2f]),
    greek: range([0x370, 0x3ff], [0x1f00, 0x1fff]), cyrillic: range([0x400, 0x52f]), semitic: range([0x591, 0x5f4], [0x600, 0x6ff], [0x750, 0x77f]), indic: range([0x900, 0xdff]),
    asian: range([0xe00, 0x0fff], [0x1000, 0x109f], [0x1700, 0x1aaf]), symbol: range([0x2000, 0x2bff]), emoji: range([0x1f300, 0x1faff], [0x2600, 0x27bf], [0x1f1e6, 0x1f1ff], [0x1f3fb, 0x1f3ff]),
    format: () => pick(['\u200b', '\u200d', '\ufe0f', '\u00ad', '\ufeff', '\u202e', '\u2060', '\u0000', '\u0007', '\u007f', '\u0085', '\ufffd', '\ue123']),
    bmp: range([0x0, 0xd7ff], [0xe000, 0xffff]), any: range([0x0, 0xd7ff], [0xe000, 0x10ffff]), supplementary: range([0x10000, 0x1ffff]),
    special: () => pick([...special, ...special, '[cls]', '[MASK', 'MASK]', '[', ']', '##', '[UNK ]']), known: () => pick(known), knownPair: () => pick(known) + pick(known),
    long: () => (random() < 0.2 ? latin().repeat(90 + below(20)) : latin().repeat(2 + below(20))),
};
const names = Object.keys(alphabets);
function fuzz() {
    const kinds = Array.from({ length: 1 + below(4) }, () => random() < 0.3 ? 'han' : pick(names));
    let out = '';
    for (let left = 1 + below(random() < 0.1 ? 40 : 12); left > 0; left--) {
        const kind = pick(kinds);
        const run = kind === 'long' ? 1 : 1 + below(4);
        for (let i = 0; i < run; i++) out += alphabets[kind]();
        if (kind === 'long') break;
    }
    return out;
}
const count = ownVocabulary ? 3200 : Number(process.argv[3]);
const texts = [...new Set([...handMade, ...Array.from({ length: count }, fuzz)])];

const quote = s => JSON.stringify(s).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, c => [...Array(c.length).keys()].map(i => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''));
const lines = [];
for (const text of texts) lines.push(`[${quote(text)},[${(await tokenizer.encode(text)).getIds().join(',')}]]`);
writeFileSync(ownVocabulary ? beside('golden.json') : process.argv[4], `{"oracle":"npm tokenizers 0.23.2","cases":[\n${lines.join(',\n')}\n]}\n`);
const unknown = ids.get('[UNK]');
const all = lines.flatMap(l => JSON.parse(l)[1]);
console.log(`${handMade.length} hand-made, ${texts.length} strings, ${pieces.length} pieces, ${all.length} tokens, ${(100 * all.filter(i => i === unknown).length / all.length).toFixed(1)} % unknown`);
