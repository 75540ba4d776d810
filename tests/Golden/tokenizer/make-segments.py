#!/usr/bin/env python3
"""Runs jieba itself, its hidden Markov model off, over hand-made, random and searched-out texts.

    python3 make-segments.py          writes segments.json.gz beside this file
    python3 make-segments.py --check  compares, writes nothing

Needs Debian 12's python3-jieba (0.42.1). How the files are made and read: README.md beside this file.
"""
import gzip
import json
import math
import os
import random
import sys
import unicodedata

import jieba

FOLDER = os.path.dirname(os.path.abspath(__file__))
OUTPUT = os.path.join(FOLDER, "segments.json.gz")
SMALL_DICTIONARY = os.path.join(FOLDER, "jieba-dict-small.txt")

HAND_MADE = [
    "", " ", "\r\n", "\r\n\r\n", "\r", "\n\r", "今天天气非常好。", "英雄联盟：8年未曾拿过五杀，电脑都看不下去，直接接管了！",
    "我来到北京清华大学", "他来到了网易杭研大厦", "小明硕士毕业于中国科学院计算所，后在日本京都大学深造", "永和服装饰品有限公司",
    "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作", "结婚的和尚未结婚的", "南京市长江大桥", "乒乓球拍卖完了",
    "研究生命起源", "武汉市长江大桥参观", "发展中国家庭养猪事业", "下雨天留客天留我不留", "欢迎新老师生前来就餐", "校长说衣服上除了校徽别别别的",
    "AT&T是一家公司", "at&t", "AT&TT", "C++和C#编程", "c++", "c#", "C+ +", "b超 B超 T恤 t恤", "卡拉OK", "x光 X光片", "γ射线", "K歌之王2021",
    "iPhone12Pro Max", "iphone 13pro手机", "a.b_c-d%e&f#g+h", "3.14%", "100,000", "-1+1=0", "1/2", "50%off", "foo-bar", "__init__", "...", "&&", "#话题#", "+1",
    "GTA5：圣安地列斯", "5G时代来了", "2021年10月14日", "12:30", "v1.0.2-beta", "1a2b3c", "中1文2字3", "a中b文c", "ａｂｃ１２３", "①②③", "Ⅷ",
    "[CLS", "(MASK)", "「电影」《视频》", "“你好”‘好’…—·", "~!@$^*()={}|\\:;\"'<>,?/`", "！？。，、；：（）【】", "a\u00a0b\u3000c\u2003d\u2028e\u2029f\u0085g\x1ch\x1fi",
    "\ta\tb\t", "一\n二\r\n三", "👨‍👩‍👧 👍🏻 🇨🇳 ❤️", "好😀好", "𠀀𪛖𫝀好𠮷野家", "㐀㐁䶵", "龦龥龤鿕鿖鿿", "\ue000\uf900\ufa0e", "한국어 일본어", "ひらがなカタカナ", "É é ñ ü İ ı ẞ ß",
    "K\u212a", "\u0301e\u0301", "\u200b\ufeff\u200d", "\ufffd", "\x00\x01\x7f", "一" * 200, "a" * 300, "1" * 40 + "." + "2" * 40, "中国" * 60, "中华人民共和国" * 12, "龘" * 30,
    "的的的的的的", "了了了", "不不不不", "哈哈哈哈哈哈", "啊啊啊啊啊", "一一一一", "〇一二三四", "零零七", "老师好我叫何同学", "王者荣耀", "吃鸡", "奥利给",
]
TITLE_PARTS = [
    "【{w}】{w}{w}的{w}，{w}{w}！", "{w}{w}{n}：{w}{w}{w}", "{n}年{w}{w}{w}，{w}{w}了", "《{w}{w}》第{n}集 {w}{w}", "#{w}# {w}{w}{w}@{l}", "{w}{w}？{w}{w}！", "{l}{w}{w}{n}{w}",
    "{w}{w}|{w}{w}{l}", "{w}{w}“{w}”{w}{w}", "{w}{w}{w}{w}{w}{w}", "{l} {l} {w}{w}-{w}", "{n}个{w}，{w}{n}%{w}", "{w}：{w}{w}{w}...", "{w}~{w}～{w}❤{e}", "{e}{w}{w}{e}{w}", "{w}vs{w}，{w}{n}:{n}{w}",
    "{l}.{l}_{n}&{l}{w}", "{w}{w}（{w}{n}）", "{w} {w} {w}", "{w}\u3000{w}\u3000{w}", "{w}，{w}；{w}、{w}。", "{w}{c}{w}{c}{c}{w}", "{l}+{n}#{w}", "{w}{w}HD{n}p", "Vol.{n} {w}{w}{l}",
]
BLANKS = [" ", " ", "\t", "\n", "\r\n", "\r", "\u3000", "\u00a0", "\u2009", "\u2028", "\u0085", "\x1c", "\x0b", "\x0c", "\u200b"]
LATIN = ["iphone", "Vlog", "NBA", "CBA", "lol", "DJ", "mv", "BGM", "ok", "T", "AT&T", "c++", "C#", "hello", "PPT", "wifi", "4K", "mp4", "QQ", "KTV", "a", "Z", "XO酱"]
EMOJI = ["😀", "🔥", "👍🏻", "👨‍👩‍👧", "🇨🇳", "❤️", "🤣", "✨", "♪", "★"]


def span(first, last):
    return lambda r: chr(r.randint(first, last))


def any_character(r):
    while True:
        c = r.randint(0, 0x10FFFF)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


class Texts:
    def __init__(self, frequencies, seed):
        self.random = random.Random(seed)
        # Sorted: the order of a dictionary's file is not the point here.
        self.words = sorted(word for word, count in frequencies.items() if count)
        self.by_count = [frequencies[word] for word in self.words]
        self.cumulative = []
        total = 0
        for count in self.by_count:
            total += count
            self.cumulative.append(total)
        self.prefixes = sorted(word for word, count in frequencies.items() if not count)
        self.characters = sorted({c for word in self.words for c in word})
        self.by_first = {}
        for word in self.words:
            self.by_first.setdefault(word[0], []).append(word)

    def common(self):
        return self.random.choices(self.words, cum_weights=self.cumulative)[0]

    def word(self):
        return self.common() if self.random.random() < 0.8 else self.random.choice(self.words)

    def title(self):
        r = self.random
        out = r.choice(TITLE_PARTS)
        while "{" in out:
            at = out.index("{")
            out = out[:at] + {"w": self.word, "n": lambda: str(r.choice([r.randint(0, 9), r.randint(10, 999), r.randint(1990, 2030)])),
                              "l": lambda: r.choice(LATIN), "e": lambda: r.choice(EMOJI), "c": lambda: r.choice(self.characters)}[out[at + 1]]() + out[at + 3:]
        return out

    def overlap(self):
        """Words that share their ends, so that the ways to cut them compete."""
        r = self.random
        out = self.word()
        for _ in range(r.randint(1, 6)):
            following = self.by_first.get(out[-1])
            out += r.choice(following)[1:] if following and r.random() < 0.9 else self.word()
        return out

    def broken(self):
        """Beginnings of words that are no words, and words cut short."""
        r = self.random
        pieces = [lambda: r.choice(self.prefixes), lambda: self.word()[1:], lambda: self.word()[:-1], self.word, lambda: r.choice(self.characters)]
        return "".join(r.choice(pieces)() for _ in range(r.randint(1, 8)))

    def ascii(self):
        r = self.random
        pieces = [lambda: r.choice("+#&._%-"), lambda: r.choice("abcxyzABCXYZ"), lambda: str(r.randint(0, 9)), lambda: chr(r.randint(0x20, 0x7E)), lambda: r.choice(LATIN), self.word]
        return "".join(r.choice(pieces)() for _ in range(r.randint(1, 25)))

    def fuzz(self):
        r = self.random
        kinds = [lambda: r.choice(self.characters), lambda: r.choice(self.characters), self.word, lambda: r.choice(BLANKS), lambda: chr(r.randint(0x20, 0x7E)),
                 lambda: r.choice("+#&._%-"), lambda: r.choice(EMOJI), lambda: span(0x4E00, 0x9FFF)(r), lambda: span(0x9FC0, 0x9FFF)(r), lambda: span(0x3400, 0x4DBF)(r), lambda: span(0x20000, 0x2CEAF)(r),
                 lambda: span(0x3000, 0x30FF)(r), lambda: span(0xFF00, 0xFFEF)(r), lambda: span(0x00A0, 0x052F)(r), lambda: span(0xAC00, 0xD7A3)(r), lambda: any_character(r), lambda: span(0x2000, 0x206F)(r)]
        chosen = [r.choice(kinds) for _ in range(r.randint(1, 4))]
        return "".join(r.choice(chosen)() for _ in range(r.randint(1, 30)))

    def long(self):
        return "".join(self.word() for _ in range(self.random.randint(60, 200)))


def ways(tokenizer, text):
    """All ways to make a text up of words, each with its score, summed as jieba sums it."""
    log_total = math.log(tokenizer.total)
    graph = tokenizer.get_DAG(text)
    best = {len(text): [(0, ())]}
    for i in range(len(text) - 1, -1, -1):
        best[i] = [(math.log(tokenizer.FREQ.get(text[i:end + 1]) or 1) - log_total + score, (text[i:end + 1],) + rest)
                   for end in graph[i] for score, rest in best[end + 1]]
    return best[0]


def ties(tokenizer, texts, count):
    """Texts that have two best ways of exactly the same score."""
    found = []
    r = texts.random
    while len(found) < count:
        # Words of equal counts that differ in where they are cut: x yz against xy z.
        text = "".join(r.choice(texts.characters) for _ in range(r.randint(3, 5))) if r.random() < 0.2 else texts.overlap()[:6]
        if not all("\u4e00" <= c <= "\u9fd5" for c in text):
            continue
        scores = sorted((score for score, _ in ways(tokenizer, text)), reverse=True)
        if len(scores) > 1 and scores[0] == scores[1]:
            found.append(text)
    return found


def cut(tokenizer, text):
    return list(tokenizer.cut(text, HMM=False))


def cases(tokenizer, texts):
    unique = dict.fromkeys(texts)
    lines = []
    for text in unique:
        words = cut(tokenizer, text)
        assert "".join(words) == text, text
        lines.append(json.dumps(words, ensure_ascii=True, separators=(",", ":")))
    return lines


def small_dictionary():
    """A dictionary of few words and counts: nearly every text has ties. It also has entries that the stock dictionary
    lacks: a count of 0, a word twice, and a word without a tag."""
    r = random.Random(3)
    words = dict.fromkeys("".join(r.choice("甲乙丙丁戊") for _ in range(r.choice([1, 2, 2, 2, 2, 3, 4]))) for _ in range(60))
    lines = [f"{word} {r.choice([0, 1, 1, 1, 1, 1, 1, 1, 2])}{r.choice(['', ' n', ' nz x'])}" for word in words] + ["甲 1", "乙丙 1 n", "a乙 1", "a 1", "1 1", "ab 1", "甲- 2 n", "𠀀 8", "甲。 8"]
    return "\n".join(lines) + "\n"


def lower_case():
    """Every letter that has a lower case, one at a time, as Python has it."""
    return [[c, [ord(x) for x in chr(c).lower()]] for c in range(0x110000) if not 0xD800 <= c < 0xE000 and chr(c).lower() != chr(c)]


def tokenizer_of(path):
    """Reads a dictionary as jieba does, without the copy that it would leave in the folder of temporary files."""
    tokenizer = jieba.Tokenizer(path)
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(open(path, "rb"))
    tokenizer.initialized = True
    return tokenizer


def main():
    assert jieba.__version__ == "0.42.1", jieba.__version__
    stock = tokenizer_of(os.path.join(os.path.dirname(jieba.__file__), "dict.txt"))
    texts = Texts(stock.FREQ, 20211014)
    sentences = list(HAND_MADE)
    for make, count in ((texts.title, 2600), (texts.overlap, 900), (texts.broken, 700), (texts.ascii, 700), (texts.fuzz, 1600), (texts.long, 12)):
        sentences += [make() for _ in range(count)]
    stock_ties = ties(stock, texts, 250)
    sentences += stock_ties

    with open(SMALL_DICTIONARY, "w", encoding="utf-8", newline="\n") as file:
        file.write(small_dictionary())
    small = tokenizer_of(SMALL_DICTIONARY)
    r = random.Random(5)
    small_sentences = ["".join(r.choice("甲乙丙丁戊甲乙丙丁戊甲乙丙丁戊ab1-。𠀀") for _ in range(r.randint(1, 12))) for _ in range(1200)]
    tied = sum(1 for text in small_sentences if len(text) < 9 and (lambda s: len(s) > 1 and s[0] == s[1])(sorted((x for x, _ in ways(small, text)), reverse=True)))

    content = json.dumps({"oracle": f"jieba {jieba.__version__}, Python's Unicode {unicodedata.unidata_version}"})[:-1]
    parts = {"stock": cases(stock, sentences), "small": cases(small, small_sentences)}
    for name, lines in parts.items():
        content += f',\n"{name}":[\n' + ",\n".join(lines) + "\n]"
    content += ',\n"lower":' + json.dumps(lower_case(), separators=(",", ":")) + "}\n"
    packed = gzip.compress(content.encode("ascii"), 9, mtime=0)
    print(f"{len(parts['stock'])} sentences, {len(stock_ties)} of them searched-out ties; {len(parts['small'])} with the small dictionary, over {tied} ties; {len(packed)} bytes")
    if "--check" in sys.argv:
        same = gzip.decompress(open(OUTPUT, "rb").read()) == content.encode("ascii")
        print("equal" if same else "DIFFERENT")
        sys.exit(0 if same else 1)
    with open(OUTPUT, "wb") as file:
        file.write(packed)


main()
