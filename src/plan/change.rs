use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::text_diff;
use crate::model::ObjectRef;

/// What would be done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It isn't there yet.
    Create,
    /// Some of its fields differ.
    Update,
    /// Fields differ that can't be changed: it is deleted and made anew.
    Replace,
    /// It is as it should be.
    Unchanged,
    /// It is a member of the set that nobody wants any more.
    Delete,
    /// It is a member that nobody wants, but nothing of its sort is deleted unasked.
    Keep,
    /// Other field managers own fields that we want otherwise.
    Conflict,
    /// The server refuses it.
    Refused,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Unchanged => "unchanged",
            Self::Delete => "delete",
            Self::Keep => "keep",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
        })
    }
}

/// A field that differs; a side that has no such field is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldChange {
    /// `spec.template.spec.containers[api].image`
    pub path: String,
    /// As it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// As it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl FieldChange {
    /// `1 → 2`; a dash stands for no field. Of long values only what is around the difference. Texts of several lines
    /// come as lines behind the first: `-` as it is, `+` as it would be.
    pub fn told(&self) -> Vec<String> {
        let sides = (self.before.as_ref(), self.after.as_ref());
        match sides {
            (Some(Value::String(before)), Some(Value::String(after)))
                if before.contains('\n') || after.contains('\n') =>
            {
                text_diff::by_lines(before, after)
            }
            (Some(Value::String(text)), None) if text.contains('\n') => {
                [vec!["text → –".to_owned()], text_diff::whole('-', text)].concat()
            }
            (None, Some(Value::String(text))) if text.contains('\n') => {
                [vec!["– → text".to_owned()], text_diff::whole('+', text)].concat()
            }
            (Some(before), Some(after)) => {
                let (before, after) = text_diff::pair(&before.to_string(), &after.to_string());
                vec![format!("{before} → {after}")]
            }
            (before, after) => {
                let side = |v: Option<&Value>| {
                    v.map_or_else(|| "–".to_owned(), |v| text_diff::shortened(&v.to_string()))
                };
                vec![format!("{} → {}", side(before), side(after))]
            }
        }
    }
}

impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.told().join("\n"))
    }
}

/// Fields that another field manager owns and that we want otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// The other manager, as `managedFields` names it.
    pub manager: String,
    /// The fields in question.
    pub fields: Vec<String>,
}

/// One object's part of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// The object.
    pub object: ObjectRef,
    /// What would be done.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// What to do about it, where it can't be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<&'static str>,
    /// What differs, for an update.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// Whose fields are in the way, for a conflict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Conflict>,
}

impl Change {
    /// Whether it keeps the set from being applied.
    pub fn is_blocked(&self) -> bool {
        matches!(self.action, Action::Conflict | Action::Refused)
    }

    /// A change without details.
    pub fn new(object: ObjectRef, action: Action, reason: impl Into<String>) -> Self {
        Self {
            object,
            action,
            reason: reason.into(),
            remedy: None,
            fields: Vec::new(),
            conflicts: Vec::new(),
        }
    }
}

/// How many objects of each sort.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// To be created.
    pub create: usize,
    /// To be updated.
    pub update: usize,
    /// To be deleted and made anew.
    pub replace: usize,
    /// As they should be.
    pub unchanged: usize,
    /// To be deleted.
    pub delete: usize,
    /// Unwanted but kept.
    pub keep: usize,
    /// Owned in part by others.
    pub conflict: usize,
    /// Refused by the server.
    pub refused: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} to create, {} to update, {} unchanged, {} to delete",
            self.create, self.update, self.unchanged, self.delete
        )?;
        for (count, what) in [
            (self.replace, "to replace"),
            (self.keep, "kept"),
            (self.conflict, "in conflict"),
            (self.refused, "refused"),
        ] {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

/// What would be done, in the order in which it would be done.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeSet {
    /// The context of the kubeconfig that it was made for.
    pub context: String,
    /// The parent object of the set: `configmap/csw`, in `namespace`.
    pub applyset: String,
    /// The namespace of the parent, and of objects that name none.
    pub namespace: String,
    /// One entry an object.
    pub changes: Vec<Change>,
    /// Counts.
    pub summary: Summary,
}

impl ChangeSet {
    /// Counts the changes.
    pub fn new(context: String, applyset: String, namespace: String, changes: Vec<Change>) -> Self {
        let mut summary = Summary::default();
        for change in &changes {
            *match change.action {
                Action::Create => &mut summary.create,
                Action::Update => &mut summary.update,
                Action::Replace => &mut summary.replace,
                Action::Unchanged => &mut summary.unchanged,
                Action::Delete => &mut summary.delete,
                Action::Keep => &mut summary.keep,
                Action::Conflict => &mut summary.conflict,
                Action::Refused => &mut summary.refused,
            } += 1;
        }
        Self { context, applyset, namespace, changes, summary }
    }

    /// Whether applying it would do something.
    pub fn pending(&self) -> bool {
        let s = &self.summary;
        s.create + s.update + s.replace + s.delete + s.conflict + s.refused > 0
    }

    /// Whether the server or another manager is against some of it.
    pub fn blocked(&self) -> bool {
        self.summary.conflict + self.summary.refused > 0
    }
}
