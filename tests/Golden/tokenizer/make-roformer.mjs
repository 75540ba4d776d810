// Runs the rule of Hugging Face's slow RoFormerTokenizer with independent native parts: jieba-rs for the words,
// Hugging Face's tokenizer for what is no piece. Writes roformer.json.gz beside this file. How to run it: README.md.
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';

const require = createRequire(`${process.cwd()}/`);
const hf = require('tokenizers');
const { Jieba } = require('@node-rs/jieba');
const beside = name => new URL(name, import.meta.url);
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const dictionary = brotliDecompressSync(readFileSync(beside('../../../src/Models/Text/Jieba/dict.txt.br')));
const jieba = Jieba.withDict(dictionary);

// mulberry32, so that the same seed gives the same texts
let state = 42;
function random() {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
const pick = list => list[Math.floor(random() * list.length)];

// The pieces: those of the BERT golden set, then the dictionary's most frequent words and some letters with accents.
const base = readFileSync(beside('vocab.txt'), 'utf8').split('\n');
const frequent = dictionary.toString('utf8').split('\n').filter(Boolean).map(line => line.split(' '))
    .filter(([word]) => [...word].length > 1).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 8000).map(([word]) => word);
const extra = ['非常', 'c++', 'at&t', 'AT&T', 'iphone', 'é', 'ñ', 'ü', 'Ω', 'ω', '龦', '\u0307', '天气', 'abc123', '##a#', 'T恤', '\ufffd'];
const known = new Set(base);
const words = [...new Set([...extra, ...frequent])].filter(word => !known.has(word));
const ids = new Map([...base, ...words].map((piece, id) => [piece, id]));

const bert = hf.Tokenizer.fromString(JSON.stringify({
    version: '1.0', truncation: null, padding: null, added_tokens: [], post_processor: null, decoder: null,
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: Object.fromEntries(ids) },
}));

async function encode(text) {
    const found = [];
    for (const part of text.split(/(\[(?:PAD|UNK|CLS|SEP|MASK)\])/u)) {
        if (special.includes(part)) { found.push(ids.get(part)); continue; }
        // One letter at a time, as the library does it: a sigma at the end of a word gets no other form.
        const lowered = [...part].map(c => c.toLowerCase()).join('');
        for (const word of lowered === '' ? [] : jieba.cut(lowered, false))
            found.push(...(ids.has(word) ? [ids.get(word)] : (await bert.encode(word)).getIds()));
    }
    return [ids.get('[CLS]'), ...found, ids.get('[SEP]')];
}

const handMade = [
    '', '今天天气非常好。', '今天[MASK]很好，我[MASK]去公园玩。', '[mask][MASK]', '[CLS][SEP]非常[PAD]', '非[MASK]常', '非常', 'C++', 'AT&T', 'At&t公司', 'IPHONE 13', 'ABC123', 'abc[MASK]123', 'T恤',
    'É é Ñ Ü', 'e\u0301', 'Ω \u2126 ΑΣΟΣ', 'İstanbul İİ', '\u212a歌 K歌', 'ẞ STRASSE', '##A#', '#A', '龦龦', '非常非常非常', '北京大学生前来应聘', `${'ａ'.repeat(40)}`, `${'b'.repeat(101)} b`, `${'非常'.repeat(40)}`,
    'a\u2028b\u0085c\u00a0d', '\r\n\t 天气\r\n', '\ufffd\ufffd', '\u0000非\u0007常', '👍🏻👨‍👩‍👧', 'ⅧⅧ①', '한국어', 'か\u3099ガ', 'हिन्दी',
];
const stock = JSON.parse(gunzipSync(readFileSync(beside('segments.json.gz')))).stock.map(list => list.join(''));
const sentences = stock.filter((_, i) => i % 3 === 0).map(text => {
    let out = [...text].map(c => random() < 0.2 ? c.toUpperCase() : c);
    if (random() < 0.1) out.splice(Math.floor(random() * (out.length + 1)), 0, pick([...special, '[cls]', '[MASK', ']']));
    return out.join('');
});
const texts = [...new Set([...handMade, ...sentences])];
const lines = [];
for (const text of texts) lines.push(JSON.stringify([text, await encode(text)]));
const packed = gzipSync(`{"oracle":"npm @node-rs/jieba 2.0.3, tokenizers 0.23.2",\n"words":${JSON.stringify(words)},\n"cases":[\n${lines.join(',\n')}\n]}\n`, { level: 9 });
writeFileSync(beside('roformer.json.gz'), packed);
const all = lines.flatMap(line => JSON.parse(line)[1]);
const share = test => `${(100 * all.filter(test).length / all.length).toFixed(1)} %`;
console.log(`${texts.length} texts, ${all.length} tokens, ${share(id => id === ids.get('[UNK]'))} unknown, ${share(id => id >= base.length)} words; ${packed.length} bytes`);
