"""The texts whose token ids the tests compare."""

import random

TEXTS = {
    "empty": "",
    "space": " ",
    "one letter": "a",
    "hello": "Hello, world!",
    "sentence": "The quick brown fox jumps over the lazy dog, and the model answers the question about memory.",
    "leading space": " leading space",
    "trailing space": "trailing space ",
    "many spaces": "a" + " " * 2 + "b" + " " * 3 + "c" + " " * 17 + "d" + " " * 100,
    "only spaces": " " * 83,
    "long run of spaces": " " * 4096 + "x",
    "newlines": "\n\n\na\n\n \n  b\n\r\n\r\r\nc\n" + "\n" * 50,
    "tabs": "\t\ta\tb \t c\t\n\t d" + "\t" * 40,
    "crlf": "line one\r\nline two\r\n\r\nline four\r\n",
    "other spaces": "a\u00a0b\u2003c\u3000d\u200ae\u2028f\u2029g\u000bh\u000ci\u0085j",
    "zero width": "zero\u200bwidth\u200cnon\u200djoiner\u2060end",
    "byte order mark": "\ufeffbom at the start, and\ufeffinside",
    "contractions": "I'm you're he's we'll they've I'd don't it's",
    "contractions upper": "I'M YOU'RE HE'S WE'LL THEY'VE I'D DON'T IT'S",
    "contractions mixed": "i'M yoU'Re hE's We'lL tHey'vE I'D doN'T 'Tis 's 'S ''s ' s ’s don’t",
    "long s": "'\u017f i'\u017f \u212aelvin '\u212a",
    "numbers": "1 12 123 1234 12345 1234567890 3.14159 1,000,000 0x1F 1e-5 007 2026-11-22",
    "other digits": "٠١٢٣٤٥ ०१२३४ ½ ² ³ Ⅷ ① 一二三 𝟘𝟙𝟚 ੩੪",
    "punctuation": "!!! ??? ... ,,, ;;; ::: --- ___ === +++ *** /// \\\\\\ ||| &&& %%% $$$ ### @@@ ~~~ ^^^ ``` \"\"\" '''",
    "brackets": "(a) [b] {c} <d> ((e)) [[f]] {{g}} <<h>> «i» „j“ ‚k‘",
    "rust": "fn main() {\n    let mut v: Vec<u32> = (0..10).map(|x| x * x).collect();\n    v.sort_by(|a, b| b.cmp(a));\n"
            "    println!(\"{v:?}\");\n}\n",
    "python": "def f(x, *, y=None):\n\tif x is not None:\n\t\treturn [i**2 for i in range(x)]\n\n\nclass A(B):\n    pass\n",
    "javascript": "const f = async (x) => { for await (const { text } of g(x?.y ?? 0)) process.stdout.write(`${text}\\n`); };",
    "html": "<!DOCTYPE html><html lang=\"en\"><body onload='alert(1)'>&lt;b&gt; &amp; </body></html>",
    "json": "{\"a\": [1, 2.5, -3e10, null, true], \"b\\u00e9\": {\"c\": \"\\\"quoted\\\"\"}}",
    "url": "https://example.org/path/to/page?query=some%20thing&x=1#fragment me@example.com",
    "markdown": "# Title\n\n- item **bold** _it_\n  1. nested `code`\n\n```rust\nfn x() {}\n```\n\n| a | b |\n|---|---|\n",
    "camel": "someCamelCaseIdentifier SOME_CONSTANT snake_case kebab-case XMLHttpRequest",
    "french": "Où est l'été ? Ça va bien, merci ; « d'accord » — naïveté, cœur, garçon.",
    "german": "Größe, Straße, Übermut und äußerst schöne Öfen. ẞ ß SS",
    "spanish": "¿Qué pasó mañana, señor? ¡Nada! El pingüino comió.",
    "polish": "Zażółć gęślą jaźń. ŁÓDŹ",
    "vietnamese": "Tiếng Việt có nhiều dấu: ặ ễ ộ ử ỹ.",
    "turkish": "İstanbul'da ılık bir gün; IŞIK, ığüşöç.",
    "russian": "Привет, мир! Как дела? Ёлка, подъезд, ЩЁГОЛЬ.",
    "greek": "Γειά σου Κόσμε! Ὀδυσσεύς, ΣΊΣΥΦΟΣ, ς σ.",
    "hebrew": "שָׁלוֹם עולם! זה טקסט \"בעברית\" עם 123 מספרים.",
    "arabic": "مرحبا بالعالم! هَذَا نَصٌّ عَرَبِيٌّ، ١٢٣؟",
    "persian": "می‌خواهم این را امتحان کنم؛ ۱۲۳۴",
    "hindi": "नमस्ते दुनिया! क्षत्रिय, ज्ञान, हिन्दी। १२३",
    "bengali": "আমার সোনার বাংলা, আমি তোমায় ভালোবাসি।",
    "tamil": "வணக்கம் உலகம்! தமிழ் மொழி.",
    "thai": "สวัสดีชาวโลก นี่คือข้อความภาษาไทย ๑๒๓",
    "khmer": "សួស្តី​ពិភពលោក",
    "burmese": "မင်္ဂလာပါ ကမ္ဘာလောက",
    "tibetan": "བོད་ཡིག་ནི་སྐད་ཡིག་ཅིག་ཡིན།",
    "georgian": "გამარჯობა მსოფლიო! ႠႡႢ",
    "armenian": "Բարեւ աշխարհ։",
    "amharic": "ሰላም ልዑል! ፩፪፫",
    "cherokee": "ᎣᏏᏲ ᏣᎳᎩ",
    "chinese": "你好，世界！今天天气很好，我们去公园吧。繁體中文「引號」。",
    "japanese": "こんにちは、世界！カタカナとひらがなと漢字。ｶﾞｷﾞｸﾞ １２３ＡＢＣ",
    "korean": "안녕하세요 세계! 한국어 문장입니다. ㅋㅋㅋ ㅠㅠ 가각",
    "rare han": "𠀀𠀁𪜀𫝀 𰀀 龘䶵",
    "emoji": "😀😃😄🤣👍❤️🎉✨🔥💯",
    "emoji zwj": "👩‍👩‍👧‍👦 👨🏽‍💻 🏳️‍🌈 🧑🏿‍🤝‍🧑🏻 👁️‍🗨️ ❤️‍🔥",
    "emoji flags": "🇩🇪🇫🇷🇯🇵🇧🇷 🏴󠁧󠁢󠁳󠁣󠁴󠁿 #️⃣ 1️⃣ ©️",
    "emoji in words": "I❤️NY a😀b 😀 c😀😀d",
    "mathematics": "∀x∈ℝ: ⌈x⌉ = −⌊−x⌋, α ∧ ¬β → γ, ∫₀^∞ e^{−x²} dx = √π⁄2",
    "math letters": "𝓗𝓮𝓵𝓵𝓸 𝕎𝕠𝕣𝕝𝕕 𝐛𝐨𝐥𝐝",
    "box drawing": "┌──┬──┐\n│  │  │\n└──┴──┘ ▁▂▃▄▅▆▇█",
    "combining": "e\u0301 o\u0308\u0304 n\u0303 a\u030a Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324 \u0301alone",
    "precomposed and not": "é e\u0301 Å A\u030a \u212b ﬁ fi 가 \u1100\u1161",
    "right to left marks": "abc \u202eהפוך\u202c def \u200f\u200e \u2067x\u2069",
    "replacement": "\ufffd\ufffd a\ufffdb \ufffc",
    "noncharacters": "\ufffe\uffff\ufdd0 \U0001fffe\U0010ffff",
    "private use": "\ue000\uf8ff \U000f0000 \U00100000",
    "unassigned": "\u0378\u0530 \U000e0080",
    "controls": "a\x00b\x01c\x07d\x08e\x1bf\x7fg\x80h\x9fi",
    "soft hyphen": "hy\u00adphen\u00adated",
    "variation selectors": "☺\ufe0e ☺\ufe0f 葛\U000e0100",
    "special tokens": "<|begin_of_text|>User: hi<|eot_id|>Assistant: yes<|end_of_text|>",
    "special with spaces": " <|eot_id|> <|eot_id|><|eot_id|>\n<|eot_id|>\n\n x",
    "special broken": "<|eot_id| > <|eot_id <|eot_id|<|eot_id|>| <|EOT_ID|> <| eot_id |> |eot_id|>",
    "special headers": "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|reserved_special_token_0|>",
    "unknown special": "<|im_start|>user<|im_end|> <s> </s> [INST] <unk> <pad>",
    "user defined": "a<think>b</think> <think> <think><think>",
    "whole word without merges": "bitnet bitnet's Bitnet bitnets, bitnet",
    "long word": "a" * 300 + "pneumonoultramicroscopicsilicovolcanoconiosis" + "ab" * 200,
    "long number": "1234567890" * 30,
    "long punctuation": "=" * 200 + "-" * 77 + "." * 1001,
    "mixed whitespace": " \t \n \r\n\t\t  \n x \n\n  y  \n",
    "whitespace then newline": "a   \nb \t\n\n   c",
    "punctuation newlines": "end.\n\nnext!\r\n\r\n\"quoted\"\n)\n",
    "space before": " . , ! ?  . a .b  .c",
    "apostrophes": "'' ' 'a' 'll 'LL''d'' rock'n'roll o'clock O'Brien's",
    "mixed scripts": "abcабвαβγ漢字かなカナ한글abc123٤٥٦abc",
    "base64": "SGVsbG8sIHdvcmxkISBUaGlzIGlzIGEgdGVzdC4=",
    "hex": "deadbeef 0xDEADBEEF 5d41402abc4b2a76b9719d911017c592",
}


def generated(seed: int = 5, count: int = 40):
    """Random strings over many ranges of assigned characters, with spaces and line ends thrown in."""
    rng = random.Random(seed)
    ranges = [(0x20, 0x7E)] * 6 + [
        (0xA1, 0x17F), (0x370, 0x373), (0x391, 0x3A1), (0x410, 0x44F), (0x5D0, 0x5EA), (0x627, 0x64A), (0x905, 0x939),
        (0xE01, 0xE3A), (0x1100, 0x1112), (0x2010, 0x2027), (0x2190, 0x21FF), (0x3041, 0x3096), (0x30A1, 0x30FA),
        (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF01, 0xFF5E), (0x1F300, 0x1F5FF), (0x300, 0x36F), (0x660, 0x669),
    ]
    for index in range(count):
        out = []
        while len(out) < rng.randint(5, 120):
            pick = rng.random()
            if pick < 0.15:
                out.append(rng.choice([" ", "  ", "\n", "\t", "\r\n", " \n", "   "]))
            else:
                low, high = rng.choice(ranges)
                out += [chr(rng.randint(low, high)) for _ in range(rng.randint(1, 4))]
        yield f"generated {index}", "".join(out)


def all_texts():
    return [{"name": name, "text": text} for name, text in [*TEXTS.items(), *generated()]]
