//! Filters of sequences.

use std::cmp::Ordering;
use std::rc::Rc;

use super::access::path;
use super::arguments::Args;
use super::ast::Operator;
use super::filters::name_of;
use super::functions::sorts_by_value;
use super::operators::{arithmetic, join, sort};
use super::run::Run;
use super::show::to_text;
use super::text::{Text, Writer, lower};
use super::value::{Seq, Value, View};
use super::{Failure, Result};

/// How a filter compares items.
struct Key {
    attributes: Vec<Value>,
    case_sensitive: bool,
    default: Option<Value>,
}

impl Run<'_> {
    pub fn sequence_filter(&self, name: &str, value: Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        match name {
            "list" => {
                args.bind(name, &[])?;
                Value::list(meter, value.items(meter)?)
            }
            "first" => {
                args.bind(name, &[])?;
                self.first(&value)
            }
            "last" => {
                args.bind(name, &[])?;
                if matches!(value, Value::Stream(_) | Value::Loop(_)) {
                    return Err(Failure::runtime(format!("'{}' object is not reversible", value.type_name())));
                }
                let items = value.items(meter)?;
                Ok(items.last().cloned().unwrap_or_else(|| Value::undefined("No last item, sequence was empty.")))
            }
            "random" => Err(Failure::runtime("the filter 'random' has no place in a prompt")),
            "items" => match &value {
                Value::Undefined(_) => Value::stream(meter, Vec::new()),
                Value::Dict(dict) => Value::stream(meter, Value::View(View::Items, Rc::clone(dict)).items(meter)?),
                _ => Err(Failure::runtime("Can only get item pairs from a mapping.")),
            },
            "join" => self.join(&value, args),
            "reverse" => self.reverse(&value),
            "map" => self.map(&value, args),
            "select" | "reject" | "selectattr" | "rejectattr" => self.select(name, &value, args),
            "sort" => self.sort(&value, args),
            "unique" => self.unique(&value, args),
            "min" | "max" => self.extreme(&value, args, name == "max"),
            "groupby" => self.group(&value, args),
            "dictsort" => self.dictsort(&value, args),
            "sum" => self.sum(&value, args),
            "batch" => self.batch(&value, args),
            _ => self.slices(&value, args),
        }
    }

    fn first(&self, value: &Value) -> Result<Value> {
        let found = match value {
            Value::Str(text) => match text.chars.first() {
                Some(c) => Some(Value::chars(&self.meter, std::slice::from_ref(c))?),
                None => None,
            },
            Value::List(seq) | Value::Tuple(seq) => seq.items.first().cloned(),
            Value::Stream(stream) => {
                let at = stream.next.get();
                stream.next.set((at + 1).min(stream.seq.items.len()));
                stream.seq.items.get(at).cloned()
            }
            _ => value.items(&self.meter)?.into_iter().next(),
        };
        Ok(found.unwrap_or_else(|| Value::undefined("No first item, sequence was empty.")))
    }

    fn join(&self, value: &Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let mut args = args.bind("join", &["d", "attribute"])?;
        let separator = args.any_text(meter, "")?;
        let attribute = args.optional().filter(|attribute| !matches!(attribute, Value::None));
        let mut out = Writer::new(meter);
        let mut texts = Vec::new();
        for item in value.items(meter)? {
            let item = match &attribute {
                Some(attribute) => path(meter, &item, attribute, None)?,
                None => item,
            };
            texts.push(to_text(meter, &item)?);
        }
        if self.autoescape.get() {
            let mut parts: Vec<&Rc<Text>> = Vec::new();
            for (i, text) in texts.iter().enumerate() {
                if i > 0 {
                    parts.push(&separator);
                }
                parts.push(text);
            }
            return join(meter, &parts);
        }
        for (i, text) in texts.iter().enumerate() {
            if i > 0 {
                out.extend(&separator.chars)?;
            }
            out.extend(&text.chars)?;
        }
        Ok(Value::Str(out.finish()?))
    }

    fn reverse(&self, value: &Value) -> Result<Value> {
        if let Value::Str(text) = value {
            let mut out = Writer::new(&self.meter);
            out.markup = text.markup;
            text.chars.iter().rev().try_for_each(|c| out.push(*c))?;
            return Ok(Value::Str(out.finish()?));
        }
        if !value.is_iterable() {
            return Err(Failure::runtime("argument must be iterable"));
        }
        let mut items = value.items(&self.meter)?;
        items.reverse();
        if matches!(value, Value::Stream(_)) {
            Value::list(&self.meter, items)
        } else {
            Value::stream(&self.meter, items)
        }
    }

    fn map(&self, value: &Value, mut args: Args) -> Result<Value> {
        let meter = &self.meter;
        if !value.truth() {
            return Value::stream(meter, Vec::new());
        }
        let mut mapped = Vec::new();
        if args.positional.is_empty() {
            if !args.named.iter().any(|(name, _)| &**name == "attribute") {
                return Err(Failure::runtime("map requires a filter argument"));
            }
            let mut args = args.bind("map", &["attribute", "default"])?;
            let attribute = args.required("attribute")?;
            let default = args.optional().filter(|default| !matches!(default, Value::None));
            for item in value.items(meter)? {
                mapped.push(path(meter, &item, &attribute, default.as_ref())?);
            }
            return Value::stream(meter, mapped);
        }
        let name = name_of(&args.positional.remove(0))?;
        meter.enter()?;
        for item in value.items(meter)? {
            let args = Args { positional: args.positional.clone(), named: args.named.clone() };
            meter.spend((args.positional.len() + args.named.len()) as u64)?;
            mapped.push(self.filter(&name, item, args)?);
        }
        meter.leave();
        Value::stream(meter, mapped)
    }

    fn select(&self, name: &str, value: &Value, mut args: Args) -> Result<Value> {
        let meter = &self.meter;
        if !value.truth() {
            return Value::stream(meter, Vec::new());
        }
        let wanted = name.starts_with("select");
        let attribute = match name.ends_with("attr") {
            true if args.positional.is_empty() => return Err(Failure::runtime("Missing parameter for attribute name")),
            true => Some(args.positional.remove(0)),
            false => None,
        };
        let test = if args.positional.is_empty() { None } else { Some(name_of(&args.positional.remove(0))?) };
        let mut kept = Vec::new();
        meter.enter()?;
        for item in value.items(meter)? {
            let tested = match &attribute {
                Some(attribute) => path(meter, &item, attribute, None)?,
                None => item.clone(),
            };
            meter.spend((1 + args.positional.len() + args.named.len()) as u64)?;
            let passed = match &test {
                Some(test) => {
                    let args = Args { positional: args.positional.clone(), named: args.named.clone() };
                    self.test(test, &tested, args)?
                }
                None => tested.truth(),
            };
            if passed == wanted {
                kept.push(item);
            }
        }
        meter.leave();
        Value::stream(meter, kept)
    }

    /// What an item is compared by.
    fn key(&self, item: &Value, key: &Key) -> Result<Value> {
        let mut found = Vec::with_capacity(key.attributes.len());
        for attribute in &key.attributes {
            let value = path(&self.meter, item, attribute, key.default.as_ref())?;
            found.push(if key.case_sensitive { value } else { self.without_case(value)? });
        }
        match found.pop() {
            Some(only) if found.is_empty() => Ok(only),
            last => {
                found.extend(last);
                Value::list(&self.meter, found)
            }
        }
    }

    fn without_case(&self, value: Value) -> Result<Value> {
        let Value::Str(text) = &value else { return Ok(value) };
        let mut out = Writer::new(&self.meter);
        lower(&text.chars, 0..text.chars.len(), &mut out)?;
        Ok(Value::Str(out.finish()?))
    }

    fn keyed(&self, items: Vec<Value>, key: &Key) -> Result<Vec<(Value, Value)>> {
        items.into_iter().map(|item| Ok((self.key(&item, key)?, item))).collect()
    }

    fn sort(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("sort", &["reverse", "case_sensitive", "attribute"])?;
        let (reverse, case_sensitive) = (args.flag(), args.flag());
        let attributes = match args.optional() {
            Some(Value::Str(text)) => text
                .chars
                .split(|c| c.char() == ',')
                .map(|part| Value::chars(&self.meter, part))
                .collect::<Result<_>>()?,
            other => vec![other.unwrap_or(Value::None)],
        };
        let mut keyed = self.keyed(value.items(&self.meter)?, &Key { attributes, case_sensitive, default: None })?;
        sort(&self.meter, &mut keyed, reverse)?;
        Value::list(&self.meter, keyed.into_iter().map(|(_, item)| item).collect())
    }

    fn unique(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("unique", &["case_sensitive", "attribute"])?;
        let case_sensitive = args.flag();
        let key = Key { attributes: vec![args.optional().unwrap_or(Value::None)], case_sensitive, default: None };
        let mut seen: Vec<Value> = Vec::new();
        let mut kept = Vec::new();
        for (found, item) in self.keyed(value.items(&self.meter)?, &key)? {
            let mut known = false;
            for before in &seen {
                known |= before.equals(&found, &self.meter)?;
                if known {
                    break;
                }
            }
            if !known {
                seen.push(found);
                kept.push(item);
            }
        }
        Value::stream(&self.meter, kept)
    }

    fn extreme(&self, value: &Value, args: Args, greatest: bool) -> Result<Value> {
        let mut args = args.bind("min or max", &["case_sensitive", "attribute"])?;
        let case_sensitive = args.flag();
        let key = Key { attributes: vec![args.optional().unwrap_or(Value::None)], case_sensitive, default: None };
        let mut best: Option<(Value, Value)> = None;
        for (found, item) in self.keyed(value.items(&self.meter)?, &key)? {
            let better = match &best {
                None => true,
                Some((before, _)) if greatest => found.order(before, ">", &self.meter)? == Some(Ordering::Greater),
                Some((before, _)) => found.order(before, "<", &self.meter)? == Some(Ordering::Less),
            };
            if better {
                best = Some((found, item));
            }
        }
        Ok(best.map_or_else(|| Value::undefined("No aggregated item, sequence was empty."), |(_, item)| item))
    }

    fn group(&self, value: &Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let mut args = args.bind("groupby", &["attribute", "default", "case_sensitive"])?;
        let attribute = args.required("attribute")?;
        let default = args.optional().filter(|default| !matches!(default, Value::None));
        let case_sensitive = args.flag();
        let key = Key { attributes: vec![attribute.clone()], case_sensitive, default: default.clone() };
        let mut keyed = self.keyed(value.items(meter)?, &key)?;
        sort(meter, &mut keyed, false)?;
        let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
        for (found, item) in keyed {
            match groups.last_mut() {
                Some((last, items)) if last.equals(&found, meter)? => items.push(item),
                _ => groups.push((found, vec![item])),
            }
        }
        let mut pairs = Vec::new();
        for (mut grouper, items) in groups {
            if !case_sensitive && let Some(first) = items.first() {
                grouper = path(meter, first, &attribute, default.as_ref())?;
            }
            let list = Value::list(meter, items)?;
            pairs.push(Value::Tuple(Seq::build(meter, vec![grouper, list], true)?));
        }
        Value::list(meter, pairs)
    }

    fn dictsort(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("dictsort", &["case_sensitive", "by", "reverse"])?;
        let case_sensitive = args.flag();
        let at = usize::from(sorts_by_value(args.optional().as_ref())?);
        let reverse = args.flag();
        value.check_defined()?;
        let Value::Dict(dict) = value else { return Err(Failure::runtime("dictsort needs a mapping")) };
        let pairs = Value::View(View::Items, Rc::clone(dict)).items(&self.meter)?;
        let key = Key { attributes: vec![Value::Int(at as i128)], case_sensitive, default: None };
        let mut keyed = self.keyed(pairs, &key)?;
        sort(&self.meter, &mut keyed, reverse)?;
        Value::list(&self.meter, keyed.into_iter().map(|(_, pair)| pair).collect())
    }

    fn sum(&self, value: &Value, args: Args) -> Result<Value> {
        let mut args = args.bind("sum", &["attribute", "start"])?;
        let attribute = args.optional().filter(|attribute| !matches!(attribute, Value::None));
        let mut sum = args.optional().unwrap_or(Value::Int(0));
        if matches!(sum, Value::Str(_)) {
            return Err(Failure::runtime("sum() can't sum strings [use ''.join(seq) instead]"));
        }
        for item in value.items(&self.meter)? {
            let item = match &attribute {
                Some(attribute) => path(&self.meter, &item, attribute, None)?,
                None => item,
            };
            sum = arithmetic(&self.meter, Operator::Add, &sum, &item)?;
        }
        Ok(sum)
    }

    fn batch(&self, value: &Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let mut args = args.bind("batch", &["linecount", "fill_with"])?;
        let count = args.required("linecount")?;
        let count = count.index().ok_or_else(|| Failure::runtime("batch: linecount must be a number"))?;
        let fill = args.optional().filter(|fill| !matches!(fill, Value::None));
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for item in value.items(meter)? {
            match rows.last_mut() {
                Some(row) if row.len() as i128 != count => row.push(item),
                None if count == 0 => rows.extend([Vec::new(), vec![item]]),
                _ => rows.push(vec![item]),
            }
        }
        if let (Some(fill), Some(row)) = (fill, rows.last_mut())
            && (row.len() as i128) < count
        {
            let len = usize::try_from(count).unwrap_or(usize::MAX);
            meter.check_room(len.saturating_mul(size_of::<Value>()))?;
            meter.spend(len as u64)?;
            row.resize(len, fill);
        }
        let rows = rows.into_iter().map(|row| Value::list(meter, row)).collect::<Result<_>>()?;
        Value::stream(meter, rows)
    }

    fn slices(&self, value: &Value, args: Args) -> Result<Value> {
        let meter = &self.meter;
        let mut args = args.bind("slice", &["slices", "fill_with"])?;
        let slices = args.required("slices")?;
        let slices = slices.index().ok_or_else(|| Failure::runtime("slice: slices must be a number"))?;
        let fill = args.optional().filter(|fill| !matches!(fill, Value::None));
        let items = value.items(meter)?;
        if slices == 0 {
            return Err(Failure::runtime("integer division or modulo by zero"));
        }
        let count = usize::try_from(slices.max(0)).unwrap_or(usize::MAX);
        meter.check_room(count.saturating_mul(size_of::<Value>() + 64))?;
        meter.spend(count as u64)?;
        let (each, extra) = (items.len() / count.max(1), items.len() % count.max(1));
        let mut rows = Vec::new();
        let mut at = 0;
        for row in 0..count {
            let len = each + usize::from(row < extra);
            let mut slice = items[at..at + len].to_vec();
            at += len;
            if let Some(fill) = &fill
                && row >= extra
            {
                slice.push(fill.clone());
            }
            rows.push(Value::list(meter, slice)?);
        }
        Value::stream(meter, rows)
    }
}
