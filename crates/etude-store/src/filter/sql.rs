//! Turns an expression into SQL with bound values.
//!
//! `not` is pushed down to the tests, so that SQL's third truth value never meets a NOT and a plain column stays usable
//! by an index.

use super::{Column, Comparison, Expression, Filter, Value};
use sqlx::{QueryBuilder, Sqlite};

impl Filter {
    /// Appends `WHERE …`, or `WHERE TRUE` for every episode, so that more conditions can follow with AND.
    pub(crate) fn push_where(&self, query: &mut QueryBuilder<Sqlite>) {
        query.push(" WHERE ");
        match &self.expression {
            Some(expression) => push(query, expression, false),
            None => drop(query.push("TRUE")),
        }
    }
}

fn push(query: &mut QueryBuilder<Sqlite>, expression: &Expression, negated: bool) {
    match expression {
        Expression::Not(part) => push(query, part, !negated),
        Expression::Any(parts) => join(query, parts, if negated { " AND " } else { " OR " }, negated),
        Expression::All(parts) => join(query, parts, if negated { " OR " } else { " AND " }, negated),
        Expression::Compare(column, comparison, value) => compare(query, column, *comparison, value, negated),
        Expression::In(column, values) => list(query, column, values, negated),
        Expression::Contains(column, part) => {
            query.push(if negated { "(" } else { "" });
            if negated {
                query.push(column.sql).push(" IS NULL OR ");
            }
            query.push("instr(").push(column.sql).push(", ").push_bind(part.clone());
            query.push(if negated { ") = 0)" } else { ") > 0" });
        }
        Expression::Absent(column) => {
            query.push(column.sql).push(if negated { " IS NOT NULL" } else { " IS NULL" });
        }
        Expression::True(column) if column.name == "inspected" => {
            query.push(column.sql).push(if negated { " IS NULL" } else { " IS NOT NULL" });
        }
        Expression::True(column) if negated => {
            query.push("(").push(column.sql).push(" IS NULL OR ").push(column.sql).push(" = 0)");
        }
        Expression::True(column) => drop(query.push(column.sql).push(" = 1")),
    }
}

fn join(query: &mut QueryBuilder<Sqlite>, parts: &[Expression], between: &str, negated: bool) {
    query.push("(");
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            query.push(between);
        }
        push(query, part, negated);
    }
    query.push(")");
}

fn compare(
    query: &mut QueryBuilder<Sqlite>,
    column: &Column,
    comparison: Comparison,
    value: &Value,
    negated: bool,
) {
    // A test of something absent fails; `!=` is the opposite of `=`, and so holds.
    let opposite = negated != (comparison == Comparison::Different);
    let shown = if negated { comparison.negated() } else { comparison };
    if opposite {
        query.push("(").push(column.sql).push(" IS NULL OR ");
    }
    query.push(column.sql).push(" ").push(shown.sql()).push(" ");
    bind(query, value);
    if opposite {
        query.push(")");
    }
}

fn list(query: &mut QueryBuilder<Sqlite>, column: &Column, values: &[Value], negated: bool) {
    if negated {
        query.push("(").push(column.sql).push(" IS NULL OR ");
    }
    query.push(column.sql).push(if negated { " NOT IN (" } else { " IN (" });
    for (number, value) in values.iter().enumerate() {
        if number > 0 {
            query.push(", ");
        }
        bind(query, value);
    }
    query.push(if negated { "))" } else { ")" });
}

fn bind(query: &mut QueryBuilder<Sqlite>, value: &Value) {
    match value {
        Value::Text(text) => query.push_bind(text.clone()),
        Value::Number(number) => query.push_bind(*number),
        Value::Time(time) => query.push_bind(*time),
    };
}
