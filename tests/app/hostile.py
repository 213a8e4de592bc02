"""Strings that people may type and that must come out as the text they are (F3), and a check of HTML."""

from html.parser import HTMLParser

HOSTILE = (
    "<script>window.pwned=1</script> sort the words",
    '<img src=x onerror="window.pwned=1"> plural',
    "<svg/onload=window.pwned=1> sum",
    "\"><b onmouseover='window.pwned=1'>antonym</b>",
    "' onclick='window.pwned=1' x='",
    '" onfocus="window.pwned=1" autofocus="',
    "</textarea><script>window.pwned=1</script>",
    "${window.pwned=1} name the capital",
    "{{value}} {{constructor.constructor('window.pwned=1')()}}",
    "{value} {0} {description.__class__}",
    "%s %n %(message)s sort",
    "javascript:window.pwned=1//",
    "<iframe src='http://127.0.0.1:9/'></iframe>",
    "<a href='javascript:window.pwned=1'>words</a>",
    "<style>*{display:none}</style> plural",
    "&lt;b&gt; &amp; &#60;i&#62;",
    "'; DROP TABLE expert; --",
    "$(touch /tmp/genlora-canary) `touch /tmp/genlora-canary`",
    "../../etc/passwd",
    "!!python/object/apply:os.system ['true']",
    "]]><!--#exec cmd='true'-->",
    "\u202ereversed\u202c and \u200bzero width",
    "[click](javascript:window.pwned=1) **bold** # head",
    "<math><mtext></p><img src=x onerror=window.pwned=1>",
)

TAGS = frozenset(
    "div p span strong small b i em h1 h2 h3 h4 section article header button ol ul li figure figcaption svg line "
    "table thead tbody tr th td dl dt dd details summary br pre".split()
)
ATTRIBUTES = frozenset(
    "class style role title aria-label aria-live aria-hidden type tabindex data-try data-task data-examples data-name "
    "data-focus data-expert viewbox preserveaspectratio "
    "x1 y1 x2 y2".split()
)


class Seen(HTMLParser):
    """What a browser would make of a piece of HTML: tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: dict[str, list[str]] = {}
        self.text = ""
        self.comments = 0
        self.feed(str(html))  # of Markup, string methods escape what they are given
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.comments += 1

    @property
    def foreign(self) -> set[str]:
        """Tags and attributes that none of our templates has."""
        return (self.tags - TAGS) | (set(self.attributes) - ATTRIBUTES) | ({"comment"} if self.comments else set())
