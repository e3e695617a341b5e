//! Expressions, as far as the store uses them. Source:
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::Item;

/// An expression with the names and values of its request.
pub(super) struct Expression<'a> {
    tokens: Vec<&'a str>,
    place: usize,
    names: &'a Value,
    values: &'a Value,
}

impl<'a> Expression<'a> {
    pub(super) fn new(text: &'a str, request: &'a Value) -> Self {
        let (names, values) = (&request["ExpressionAttributeNames"], &request["ExpressionAttributeValues"]);
        Self { tokens: tokens(text), place: 0, names, values }
    }

    /// Whether an item (or its absence) meets the condition.
    pub(super) fn meets(mut self, item: &Item) -> bool {
        let met = self.any(item);
        assert_eq!(self.place, self.tokens.len(), "unread rest of {:?}", self.tokens);
        met
    }

    fn any(&mut self, item: &Item) -> bool {
        let mut met = self.all(item);
        while self.takes("OR") {
            met |= self.all(item);
        }
        met
    }

    fn all(&mut self, item: &Item) -> bool {
        let mut met = self.one(item);
        while self.takes("AND") {
            met &= self.one(item);
        }
        met
    }

    fn one(&mut self, item: &Item) -> bool {
        if self.takes("NOT") {
            return !self.one(item);
        }
        if self.takes("(") {
            let met = self.any(item);
            self.expect(")");
            return met;
        }
        match self.peek() {
            "attribute_exists" => self.argument(item).is_some(),
            "attribute_not_exists" => self.argument(item).is_none(),
            "begins_with" => {
                self.place += 1;
                self.expect("(");
                let whole = self.operand(item);
                self.expect(",");
                let start = self.operand(item);
                self.expect(")");
                let text = |value: &Option<Value>| value.as_ref().and_then(|value| value["S"].as_str().map(str::to_owned));
                text(&whole).zip(text(&start)).is_some_and(|(whole, start)| whole.starts_with(&start))
            }
            _ => self.comparison(item),
        }
    }

    /// The one path in the brackets after a function's name.
    fn argument(&mut self, item: &Item) -> Option<Value> {
        self.place += 1;
        self.expect("(");
        let value = self.operand(item);
        self.expect(")");
        value
    }

    fn comparison(&mut self, item: &Item) -> bool {
        let left = self.operand(item);
        let operator = self.next();
        if operator == "BETWEEN" {
            let low = self.operand(item);
            self.expect("AND");
            let high = self.operand(item);
            return compare(left.as_ref(), low.as_ref()).is_some_and(Ordering::is_ge)
                && compare(left.as_ref(), high.as_ref()).is_some_and(Ordering::is_le);
        }
        let right = self.operand(item);
        let is_equal = left.is_some() && left == right;
        let order = || compare(left.as_ref(), right.as_ref());
        match operator {
            "=" => is_equal,
            "<>" => !is_equal,
            "<" => order().is_some_and(Ordering::is_lt),
            "<=" => order().is_some_and(Ordering::is_le),
            ">" => order().is_some_and(Ordering::is_gt),
            ">=" => order().is_some_and(Ordering::is_ge),
            other => panic!("the model does not know the operator {other:?} of {:?}", self.tokens),
        }
    }

    /// A value, or what stands in an attribute.
    fn operand(&mut self, item: &Item) -> Option<Value> {
        if self.peek() == "size" {
            return self.argument(item).as_ref().and_then(size);
        }
        let token = self.next();
        match token.starts_with(':') {
            true => Some(self.value(token)),
            false => item.get(self.name(token)).cloned(),
        }
    }

    fn value(&self, token: &str) -> Value {
        let value = &self.values[token];
        assert!(!value.is_null(), "no value {token}");
        value.clone()
    }

    fn name(&self, token: &'a str) -> &'a str {
        assert!(!token.contains(['.', '[']), "the model does not know paths such as {token:?}");
        match token.starts_with('#') {
            true => self.names[token].as_str().unwrap_or_else(|| panic!("no name {token}")),
            false => token,
        }
    }

    /// Carries out `SET`, `ADD` and `REMOVE`.
    pub(super) fn apply(mut self, item: &mut Item) {
        let before = item.clone();
        while self.place < self.tokens.len() {
            let clause = self.next();
            loop {
                let path = self.next();
                let name = self.name(path).to_owned();
                match clause {
                    "SET" => {
                        self.expect("=");
                        let value = self.sum(&before);
                        item.insert(name, value);
                    }
                    "ADD" => {
                        let token = self.next();
                        let summand = self.value(token);
                        let sum = before.get(&name).map_or_else(|| summand.clone(), |value| add(value, &summand, 1));
                        item.insert(name, sum);
                    }
                    "REMOVE" => {
                        item.remove(&name);
                    }
                    other => panic!("the model does not know the clause {other:?} of {:?}", self.tokens),
                }
                if !self.takes(",") {
                    break;
                }
            }
        }
    }

    fn sum(&mut self, item: &Item) -> Value {
        let mut value = self.summand(item);
        loop {
            let sign = match self.peek() {
                "+" => 1,
                "-" => -1,
                _ => return value,
            };
            self.place += 1;
            value = add(&value, &self.summand(item), sign);
        }
    }

    fn summand(&mut self, item: &Item) -> Value {
        if self.takes("if_not_exists") {
            self.expect("(");
            let stored = self.operand(item);
            self.expect(",");
            let value = self.operand(item);
            self.expect(")");
            return stored.or(value).expect("a value for what does not exist");
        }
        self.operand(item).unwrap_or_else(|| panic!("an attribute that does not exist in {:?}", self.tokens))
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.place).copied().unwrap_or_default()
    }

    fn next(&mut self) -> &'a str {
        let token = self.peek();
        self.place += 1;
        token
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_it = self.peek() == word;
        self.place += usize::from(is_it);
        is_it
    }

    fn expect(&mut self, word: &str) {
        let token = self.next();
        assert_eq!(token, word, "in {:?}", self.tokens);
    }
}

/// Words, names and operators.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |letter: char| match letter {
        letter if letter.is_ascii_alphanumeric() || "_:#.[]".contains(letter) => 1,
        '<' | '>' | '=' => 2,
        _ => 3,
    };
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let kind_of_first = kind(first);
        let end = match kind_of_first {
            3 => first.len_utf8(),
            _ => rest.find(|letter| kind(letter) != kind_of_first).unwrap_or(rest.len()),
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

/// A whole number; the store has no others.
pub(super) fn number(value: &Value) -> Option<i128> {
    let digits = value["N"].as_str()?;
    Some(digits.parse().unwrap_or_else(|_| panic!("the model does not know the number {digits}")))
}

/// Orders two values of the same kind; others have no order.
pub(super) fn compare(left: Option<&Value>, right: Option<&Value>) -> Option<Ordering> {
    let (left, right) = (left?, right?);
    match (number(left), number(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => Some(left["S"].as_str()?.cmp(right["S"].as_str()?)),
    }
}

/// How many elements a set of bytes has, or letters a text; the store asks for no other sizes.
fn size(value: &Value) -> Option<Value> {
    let elements = value["BS"].as_array().map(Vec::len).or_else(|| value["S"].as_str().map(str::len))?;
    Some(json!({"N": elements.to_string()}))
}

/// A sum of numbers, or what two sets of bytes hold together.
fn add(value: &Value, summand: &Value, sign: i128) -> Value {
    if let (Some(set), Some(more), 1) = (value["BS"].as_array(), summand["BS"].as_array(), sign) {
        let mut all = set.clone();
        all.extend(more.iter().filter(|element| !set.contains(element)).cloned());
        return json!({"BS": all});
    }
    match number(value).zip(number(summand)) {
        Some((value, summand)) => json!({"N": (value + sign * summand).to_string()}),
        None => panic!("the model adds only numbers and sets of bytes, not {value} and {summand}"),
    }
}
