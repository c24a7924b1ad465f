//! What pages share: one file that loads nothing, its looks, its plots.

pub(crate) mod plot;

/// How every page looks, on screens bright and dark.
pub(crate) const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2433;--soft:#5b6577;--line:#dde2ea;--back:#fbfbf9;--card:#fff;--good:#00795c;--bad:#b3400f}
@media(prefers-color-scheme:dark){:root{--ink:#e8eaef;--soft:#9aa3b2;--line:#333b49;--back:#14171d;--card:#1c2129;--good:#4cc9a4;--bad:#ff9263}}
*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:16px/1.55 system-ui,'Noto Sans',sans-serif}
main{max-width:1180px;margin:auto;padding:2.2rem 1.2rem 4rem}h1{font-size:2.1rem;line-height:1.2;margin:0 0 .3rem}
h2{margin:2.6rem 0 .6rem;font-size:1.4rem}h3{margin:1.2rem 0 .4rem;font-size:1rem}p.lead{color:var(--soft);margin:.2rem 0 1.4rem;max-width:46rem}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.38rem .7rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--soft);font-weight:600;font-size:.85rem}td.n,th.n{text-align:right}.good{color:var(--good)}.bad{color:var(--bad)}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.3rem;margin:1.1rem 0;overflow-x:auto}
.stills{display:grid;grid-template-columns:repeat(auto-fit,minmax(220px,1fr));gap:.8rem}figure{margin:0}figure img{width:100%;border-radius:8px;display:block}
figcaption{color:var(--soft);font-size:.85rem;margin-top:.25rem}.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(320px,1fr));gap:1.2rem}
svg{width:100%;height:auto}svg text{font-size:11px;fill:var(--soft)}svg .end{text-anchor:end}svg .mid{text-anchor:middle}svg path{fill:none;stroke-width:1.4}
svg .mark{fill:var(--bad);opacity:.18}svg .grid{stroke:var(--line)}svg .axis{stroke:var(--soft)}.legend{margin:.1rem 0 0;font-size:.85rem;color:var(--soft)}.legend span{margin-right:1rem}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.35em}code,pre{font:13px/1.5 ui-monospace,monospace}pre{overflow-x:auto;margin:.3rem 0}
";

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b>'\"&"), "&lt;b&gt;&#39;&quot;&amp;");
    }
}
