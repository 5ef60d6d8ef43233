use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::context::ModelInput;
use super::renderer::{JobText, about};
use super::template::Evaluated;
use super::{Object, RenderError, Renderer};
use crate::model::{ClusterType, InstallOrder};

const COMPONENTS: [&str; 4] =
    ["models/model.yaml", "models/job-template.yaml", "models/inputs-server.yaml", "models/dask.yaml"];

/// At most so many problems are told; there may be thousands of models with the same one.
const TOLD: usize = 50;

/// So many models are in memory at once as values of their templates' expressions: some 10 MiB.
const AT_ONCE: usize = 1_000;

/// Models that are known to render.
#[derive(Debug)]
pub struct CheckedModels<'m> {
    inputs: Vec<ModelInput<'m>>,
    /// The first of them as they were evaluated, so that a few models are evaluated once only.
    first: Vec<Vec<Evaluated>>,
}

impl Renderer {
    /// One model's objects, in install order. The Job is not among them: the scheduler makes one for each simulation,
    /// see [`super::job`].
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with everything that is wrong.
    pub fn model(&self, input: &ModelInput<'_>) -> Result<Vec<Object>, RenderError> {
        let mut objects = Vec::new();
        let mut errors = Vec::new();
        for evaluated in self.evaluate_model(input, JobText::Whole)? {
            for object in evaluated.objects() {
                object.map_or_else(|e| errors.push(e), |o| objects.push(o));
            }
        }
        if !errors.is_empty() {
            return Err(about(input.model, &errors));
        }
        // The sort keeps the templates' order within a kind.
        objects.sort_by_key(Object::order);
        Ok(objects)
    }

    /// Makes sure that every model renders, so that [`Renderer::stream`] can't fail half-way. Memory does not grow with the
    /// objects.
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with what is wrong with all models: objects that can't be rendered, and objects of the same
    /// kind and name.
    pub fn check<'m>(
        &self,
        inputs: impl IntoIterator<Item = ModelInput<'m>>,
    ) -> Result<CheckedModels<'m>, RenderError> {
        let mut checked = CheckedModels { inputs: Vec::new(), first: Vec::new() };
        // Hashes: ten thousand models have fifty thousand objects.
        let mut seen = HashSet::new();
        let mut problems: BTreeMap<String, usize> = BTreeMap::new();
        for input in inputs {
            let keep = checked.first.len() < AT_ONCE;
            match self.evaluate_model(&input, if keep { JobText::Whole } else { JobText::Left }) {
                Ok(evaluated) => {
                    for head in evaluated.iter().flat_map(Evaluated::check) {
                        let problem = match head {
                            Ok(head) if seen.insert(identity(&head)) => continue,
                            Ok(head) => format!("{}: {head} is rendered twice", input.model.name),
                            Err(error) => format!("{}: {error}", input.model.name),
                        };
                        *problems.entry(problem).or_default() += 1;
                    }
                    if keep {
                        checked.first.push(evaluated);
                    }
                }
                Err(RenderError::Invalid { problems: more }) => {
                    for problem in more {
                        *problems.entry(problem).or_default() += 1;
                    }
                }
                Err(other) => return Err(other),
            }
            checked.inputs.push(input);
        }
        if problems.is_empty() {
            return Ok(checked);
        }
        let hidden = problems.len().saturating_sub(TOLD);
        let mut problems: Vec<String> = problems.into_keys().take(TOLD).collect();
        if hidden > 0 {
            problems.push(format!("… and {hidden} more"));
        }
        Err(RenderError::Invalid { problems })
    }

    /// Renders the models' objects in install order, one after the other: all of a kind, model by model, then the
    /// next kind. Of more than a thousand models each thousand comes so, one after the other.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn stream<E: From<RenderError>>(
        &self,
        models: CheckedModels<'_>,
        mut each: impl FnMut(Object) -> Result<(), E>,
    ) -> Result<(), E> {
        let CheckedModels { inputs, first: evaluated } = models;
        let (first, rest) = inputs.split_at(evaluated.len().min(inputs.len()));
        self.put(first, &evaluated, &mut each)?;
        drop(evaluated);
        for inputs in rest.chunks(AT_ONCE) {
            let evaluated = inputs.iter().map(|input| self.evaluate_model(input, JobText::Whole));
            self.put(inputs, &evaluated.collect::<Result<Vec<_>, _>>()?, &mut each)?;
        }
        Ok(())
    }

    fn put<E: From<RenderError>>(
        &self,
        inputs: &[ModelInput<'_>],
        models: &[Vec<Evaluated>],
        each: &mut impl FnMut(Object) -> Result<(), E>,
    ) -> Result<(), E> {
        for order in InstallOrder::all() {
            for (input, components) in inputs.iter().zip(models) {
                for object in components.iter().flat_map(|c| c.objects_of(order)) {
                    each(object.map_err(|e| about(input.model, &[e]))?)?;
                }
            }
        }
        Ok(())
    }

    fn evaluate_model(&self, input: &ModelInput<'_>, text: JobText) -> Result<Vec<Evaluated>, RenderError> {
        let context = self.model_context(input)?;
        let mut all = Vec::with_capacity(COMPONENTS.len());
        let mut errors = Vec::new();
        for file in COMPONENTS {
            if file == "models/dask.yaml" && input.model.cluster_type != ClusterType::Dask {
                continue;
            }
            let evaluated = if file == "models/job-template.yaml" {
                self.job_template_context(&context, text).and_then(|context| self.evaluate(file, &context))
            } else {
                self.evaluate(file, &context)
            };
            match evaluated {
                Ok(evaluated) => all.push(evaluated),
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(all) } else { Err(about(input.model, &errors)) }
    }
}

fn identity(object: &Object) -> u64 {
    let mut hasher = DefaultHasher::new();
    (object.api_version(), object.kind(), object.namespace(), object.name()).hash(&mut hasher);
    hasher.finish()
}
