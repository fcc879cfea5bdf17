"""Names, labels and questions of the scenes: what operators call their work, and what nobody should."""

from __future__ import annotations

from typing import Final

PROJECTS: Final = ("default", "search-ranking", "推荐评测", "customer-care")
"""Projects of a scene; most jobs are in the first."""

NAMES: Final = (
    "nightly-eval",
    "夜间评测",
    "product-descriptions-v2",
    "商品标题改写",
    "support-tickets-triage",
    "客服会话摘要",
    "translate-zh-en",
    "法律合同要素抽取",
    "sentiment-2m-reviews",
    "用户评论情感分析",
    "synthetic-math-problems",
    "小学数学题生成",
    "Doubao vs DeepSeek, round 3",
    "模型对比 第三轮",
    "code-review-comments",
    "医学文献翻译",
    "faq-embeddings",
    "知识库向量化",
    "ad-copy A/B",
    "广告文案 A/B 测试",
)
DESCRIPTIONS: Final = (
    "",
    "Every night, after the export.",
    "每日导出后运行,结果写回数仓。",
    "Second try with a shorter system prompt.",
    "只跑前一百条,确认格式。",
    "Baseline for the quarterly report.",
)
TAGS: Final = (
    ("team", "search"),
    ("team", "growth"),
    ("团队", "内容安全"),
    ("cost-center", "4711"),
    ("env", "prod"),
    ("env", "staging"),
    ("成本中心", "算法平台"),
)
QUESTIONS: Final = (
    "Summarise the ticket in one sentence and name the product.",
    "把下面的商品标题改写得更简洁。",
    "Translate into English, keep the names: 天空为什么这么蓝?",
    "这条评论是正面还是负面?请说明理由。",
    "Write three test cases for a function that parses dates.",
    "提取合同中的甲方、乙方和金额。",
)

HOSTILE: Final = (
    "[bold red]markup[/bold red] [link=https://example.com]click[/link]",
    "[/] closed before it was opened [",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J \x9b31m",
    "nul \x00 bell \x07 backspace \x08\x08 delete \x7f",
    "two\nlines\r\nand a\ttab",
    "bidi \u202egpj.exe\u202c \u2066isolated\u2069 \u200fright",
    "zero\u200bwidth\u2060 and \ufeffmarks \u00ad soft \U000e0041\U000e0042",
    "Z" + "\u0351\u033e\u0338\u0321\u0316" * 12 + "algo",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈 flags 🇨🇳🇫🇷 skin 👍🏽",
    "宽字符与半角カナ混合 ①②③ ±×÷ Ω …",
    "مهمة بالعربية משימה",
    "   ",
    '=HYPERLINK("https://example.com","sum")',
    "../../../../etc/passwd",
    "$(reboot) `id` ; rm -rf ~ | cat",
    "%s %d {name} {0} {{}} \\u{202e} \\x1b",
    "'; DROP TABLE jobs; -- <script>alert(1)</script>",
    "null",
    "-rf --yes",
    "a-name-without-any-space-" * 8,
    "一个非常长的任务名称" * 20,
)
"""Names that act where text is taken for markup, commands, formulas or paths, or that measure badly; 1 to 200
characters, as the platform allows."""
