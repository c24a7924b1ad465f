//! An inspection as a page: one file that loads nothing, what is wrong first, in English and Chinese.

use super::Inspected;
use crate::page::{STYLE, escape};
use etude_inspect::{DatasetReport, Report, RuleSet};
use etude_model::verdict::{Finding, Severity, Standing};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What this page has beyond the looks of all pages.
const MORE_STYLE: &str = "
html[lang=en] .zh,html[lang=zh] .en{display:none}button{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.2rem .7rem;cursor:pointer}
header{display:flex;justify-content:space-between;align-items:flex-start;gap:1rem}th[data-sort]{cursor:pointer}th[aria-sort=ascending]::after{content:' \\2191'}th[aria-sort=descending]::after{content:' \\2193'}
.plots>div{max-width:620px}td code{white-space:nowrap}small{color:var(--soft)}.look{color:var(--look)}:root{--look:#8a6100}@media(prefers-color-scheme:dark){:root{--look:#f0c05a}}a{color:inherit}ul.found{margin:.2rem 0 .6rem;padding-left:1.2rem}
@media print{button{display:none}section{break-inside:avoid;border:none;padding:0}main{max-width:none;padding:0}body{background:#fff;color:#000}}
";

/// Tables sort by the head that is pressed, and the words change their language.
const SCRIPT: &str = "
document.querySelectorAll('th[data-sort]').forEach(head=>head.addEventListener('click',()=>{
const table=head.closest('table'),place=[...head.parentNode.children].indexOf(head),up=head.getAttribute('aria-sort')!=='ascending';
table.querySelectorAll('th').forEach(other=>other.removeAttribute('aria-sort'));head.setAttribute('aria-sort',up?'ascending':'descending');
const key=row=>{const cell=row.children[place],text=cell.dataset.key??cell.textContent;return head.dataset.sort==='n'?parseFloat(text):text};
[...table.tBodies[0].rows].sort((a,b)=>{const x=key(a),y=key(b);return (x<y?-1:x>y?1:0)*(up?1:-1)}).forEach(row=>table.tBodies[0].append(row))}));
document.getElementById('words').addEventListener('click',()=>{const root=document.documentElement;root.lang=root.lang==='en'?'zh':'en'});
";

/// The page.
pub(super) fn html(inspected: &Inspected, dataset: &DatasetReport, rules: &RuleSet) -> String {
    let mut page = String::with_capacity(1 << 20);
    // Writing into a String cannot fail.
    let _ = write_page(&mut page, inspected, dataset, rules);
    page
}

fn write_page(
    page: &mut String,
    inspected: &Inspected,
    dataset: &DatasetReport,
    rules: &RuleSet,
) -> std::fmt::Result {
    let reports = &inspected.reports;
    write!(
        page,
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>\
         <meta name='viewport' content='width=device-width,initial-scale=1'><title>Etude: inspection</title>\
         <style>{STYLE}{MORE_STYLE}</style></head><body><main><header><h1>{}</h1>\
         <button id='words' aria-label='English, 中文'><span class='en'>中文</span><span class='zh'>English</span></button></header>",
        both("Inspection", "检查报告"),
    )?;
    lead(page, reports, rules)?;
    rules_met(page, reports, dataset)?;
    unread(page, inspected)?;
    let order = gravest_first(reports);
    takes(page, inspected, &order)?;
    for number in order {
        if let (Some(report), Some(drawn)) = (reports.get(number), inspected.drawn.get(number)) {
            take(page, number, report, drawn)?;
        }
    }
    measurements(page, dataset)?;
    write!(page, "</main><script>{SCRIPT}</script></body></html>")?;
    page.push('\n');
    Ok(())
}

/// A word in both languages; the page shows one.
fn both(english: &str, chinese: &str) -> String {
    format!("<span class='en'>{english}</span><span class='zh' lang='zh'>{chinese}</span>")
}

fn standing(standing: Standing) -> String {
    let (class, chinese) = match standing {
        Standing::Accepted => ("good", "通过"),
        Standing::Review => ("look", "待复核"),
        Standing::Rejected => ("bad", "不合格"),
    };
    format!("<span class='{class}'>{}</span>", both(standing.name(), chinese))
}

fn severity(of: Severity) -> String {
    let (class, english, chinese) = match of {
        Severity::Fault => ("bad", "fault", "故障"),
        Severity::Warning => ("look", "warning", "警告"),
        Severity::Note => ("", "note", "说明"),
    };
    format!("<span class='{class}'>{}</span>", both(english, chinese))
}

fn lead(page: &mut String, reports: &[Report], rules: &RuleSet) -> std::fmt::Result {
    let of = |wanted: Standing| reports.iter().filter(|report| report.verdict.standing() == wanted).count();
    let [rejected, review, accepted] = [Standing::Rejected, Standing::Review, Standing::Accepted].map(of);
    let minutes = reports.iter().map(|report| report.duration_s).sum::<f64>() / 60.0;
    let (count, title) = (reports.len(), escape(&rules.title()));
    let english = format!(
        "{count} takes, {minutes:.1} minutes, judged by rule set {title}: {rejected} rejected, {review} for review, {accepted} accepted."
    );
    let chinese = format!(
        "共 {count} 条数据, {minutes:.1} 分钟, 规则集 {title}: 不合格 {rejected}, 待复核 {review}, 通过 {accepted}。"
    );
    write!(page, "<p class='lead'>{}</p>", both(&english, &chinese))
}

/// What is wrong, the gravest and the most frequent first.
fn rules_met(page: &mut String, reports: &[Report], dataset: &DatasetReport) -> std::fmt::Result {
    let mut met: BTreeMap<&str, (&Finding, usize, &str)> = BTreeMap::new();
    for report in reports {
        let mut counted: Vec<&str> = Vec::new();
        for finding in &report.verdict.findings {
            let rule = met.entry(&finding.rule).or_insert((finding, 0, report.name()));
            if !counted.contains(&finding.rule.as_str()) {
                rule.1 += 1;
                counted.push(&finding.rule);
            }
        }
    }
    for finding in &dataset.verdict.findings {
        met.entry(&finding.rule).or_insert((finding, 0, ""));
    }
    let mut met: Vec<_> = met.into_iter().collect();
    met.sort_by_key(|(rule, (finding, count, _))| {
        (std::cmp::Reverse(finding.severity), std::cmp::Reverse(*count), *rule)
    });
    write!(page, "<h2>{}</h2><section>", both("What was found", "发现的问题"))?;
    if met.is_empty() {
        write!(page, "<p>{}</p></section>", both("Nothing.", "没有。"))?;
        return Ok(());
    }
    write!(
        page,
        "<table><thead><tr><th>{}</th><th data-sort='t'>{}</th><th class='n' data-sort='n'>{}</th><th>{}</th></tr></thead><tbody>",
        both("Gravity", "级别"),
        both("Rule", "规则"),
        both("Takes", "条数"),
        both("The first of it", "首例"),
    )?;
    for (rule, (finding, count, take)) in met {
        let count = if count == 0 { both("the set", "整体") } else { count.to_string() };
        let take = if take.is_empty() { String::new() } else { format!("{}: ", escape(take)) };
        write!(
            page,
            "<tr><td>{}</td><td><code>{}</code></td><td class='n'>{count}</td><td>{take}{}</td></tr>",
            severity(finding.severity),
            escape(rule),
            escape(&finding.message),
        )?;
    }
    page.push_str("</tbody></table></section>");
    Ok(())
}

fn unread(page: &mut String, inspected: &Inspected) -> std::fmt::Result {
    if inspected.problems.is_empty() {
        return Ok(());
    }
    write!(page, "<h2>{}</h2><section><ul class='found'>", both("While reading", "读取时"))?;
    for problem in &inspected.problems {
        let class = if problem.loss { "bad" } else { "" };
        write!(page, "<li class='{class}'>{}</li>", escape(&problem.to_string()))?;
    }
    page.push_str("</ul></section>");
    Ok(())
}

/// The places of the takes, those that do not count first.
fn gravest_first(reports: &[Report]) -> Vec<usize> {
    let mut order: Vec<(usize, Standing)> =
        reports.iter().map(|report| report.verdict.standing()).enumerate().collect();
    order.sort_by_key(|(number, standing)| (std::cmp::Reverse(*standing), *number));
    order.into_iter().map(|(number, _)| number).collect()
}

fn takes(page: &mut String, inspected: &Inspected, order: &[usize]) -> std::fmt::Result {
    write!(page, "<h2>{}</h2><section><table><thead><tr>", both("Takes", "数据"))?;
    for (kind, class, english, chinese) in [
        ("t", "", "Take", "数据"),
        ("n", "", "Verdict", "结论"),
        ("n", "n", "Length", "时长"),
        ("n", "n", "Faults", "故障"),
        ("n", "n", "Warnings", "警告"),
        ("n", "n", "Notes", "说明"),
        ("t", "", "Robot", "机器人"),
    ] {
        write!(page, "<th data-sort='{kind}' class='{class}'>{}</th>", both(english, chinese))?;
    }
    page.push_str("</tr></thead><tbody>");
    for number in order {
        let (Some(report), Some(file)) = (inspected.reports.get(*number), inspected.files.get(*number))
        else {
            continue;
        };
        let count =
            |severity| report.verdict.findings.iter().filter(|finding| finding.severity == severity).count();
        let name = escape(report.name());
        let is_shown = report.verdict.standing() > Standing::Accepted;
        let name = if is_shown { format!("<a href='#take-{number}'>{name}</a>") } else { name };
        let file = if report.source.is_none() { escape(&file.display().to_string()) } else { String::new() };
        write!(
            page,
            "<tr><td>{name} <small>{file}</small></td><td data-key='{}'>{}</td><td class='n'>{:.1} s</td><td class='n'>{}</td><td class='n'>{}</td>\
             <td class='n'>{}</td><td>{}</td></tr>",
            report.verdict.standing() as u8,
            standing(report.verdict.standing()),
            report.duration_s,
            count(Severity::Fault),
            count(Severity::Warning),
            count(Severity::Note),
            escape(&report.embodiment),
        )?;
    }
    page.push_str("</tbody></table></section>");
    Ok(())
}

/// What is more than worth knowing about a take, with its plots.
fn take(page: &mut String, number: usize, report: &Report, drawn: &[String]) -> std::fmt::Result {
    // Findings of one rule stand together: the first, and how many more.
    let mut grave: Vec<(&Finding, usize)> = Vec::new();
    for finding in report.verdict.findings.iter().filter(|finding| finding.severity > Severity::Note) {
        match grave.iter_mut().find(|(first, _)| first.rule == finding.rule) {
            Some((_, more)) => *more += 1,
            None => grave.push((finding, 0)),
        }
    }
    if grave.is_empty() {
        return Ok(());
    }
    let instruction = report.instruction.get("en").or_else(|| report.instruction.values().next());
    write!(
        page,
        "<section id='take-{number}'><h3>{} · {}</h3><p class='lead'>{}</p><ul class='found'>",
        escape(report.name()),
        standing(report.verdict.standing()),
        escape(instruction.map_or("", String::as_str)),
    )?;
    for (finding, more) in grave {
        let more = match more {
            0 => String::new(),
            more => both(&format!(" (and {more} more)"), &format!(" (另有 {more} 处)")),
        };
        write!(
            page,
            "<li>{} <code>{}</code> {}{more}</li>",
            severity(finding.severity),
            escape(&finding.rule),
            escape(&finding.message)
        )?;
    }
    write!(page, "</ul><div class='plots'>{}</div></section>", drawn.concat())
}

fn measurements(page: &mut String, dataset: &DatasetReport) -> std::fmt::Result {
    write!(page, "<h2>{}</h2><section><table><tbody>", both("Measurements of the set", "整体测量"))?;
    for measurement in &dataset.measurements {
        let value = measurement.value.map_or_else(|| "-".to_owned(), etude_inspect::render::number);
        write!(
            page,
            "<tr><td><code>{}</code></td><td class='n'>{value} {}</td><td>{}</td></tr>",
            escape(&measurement.name),
            escape(&measurement.unit),
            escape(&measurement.detail),
        )?;
    }
    page.push_str("</tbody></table></section>");
    Ok(())
}
