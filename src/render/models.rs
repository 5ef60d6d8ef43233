use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::context::ModelInput;
use super::renderer::about;
use super::{InstallOrder, Object, RenderError, Renderer};
use crate::model::ClusterType;

const COMPONENTS: [&str; 4] =
    ["models/model.yaml", "models/job-template.yaml", "models/inputs-server.yaml", "models/dask.yaml"];

/// At most so many problems are told; there may be thousands of models with the same one.
const TOLD: usize = 50;

/// Models that are known to render: proof, and which component gives which kinds.
#[derive(Debug)]
pub struct CheckedModels<'m> {
    inputs: Vec<(ModelInput<'m>, [u32; COMPONENTS.len()])>,
}

impl Renderer {
    /// One model's objects, in install order. The Job is not among them: the scheduler makes one for each simulation,
    /// see [`super::job`].
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with everything that is wrong.
    pub fn model(&self, input: &ModelInput<'_>) -> Result<Vec<Object>, RenderError> {
        let mut objects = Vec::new();
        self.each_component(input, |_| true, |_, object| objects.push(object))?;
        // The sort keeps the templates' order within a kind.
        objects.sort_by_key(Object::order);
        Ok(objects)
    }

    /// Renders every model and keeps nothing of it but the proof, so that [`Renderer::stream`] can't fail half-way and
    /// memory does not grow with the number of models.
    ///
    /// # Errors
    /// [`RenderError::Invalid`] with what is wrong with all models: objects that can't be rendered, and objects of the same
    /// kind and name.
    pub fn check<'m>(
        &self,
        inputs: impl IntoIterator<Item = ModelInput<'m>>,
    ) -> Result<CheckedModels<'m>, RenderError> {
        let mut checked = Vec::new();
        // Hashes: ten thousand models have eighty thousand objects.
        let mut seen = HashSet::new();
        let mut problems: BTreeMap<String, usize> = BTreeMap::new();
        for input in inputs {
            let mut kinds = [0; COMPONENTS.len()];
            let result = self.each_component(
                &input,
                |_| true,
                |component, object| {
                    if let Some(bits) = kinds.get_mut(component) {
                        *bits |= object.order().bit();
                    }
                    let mut hasher = DefaultHasher::new();
                    (object.api_version(), object.kind(), object.namespace(), object.name())
                        .hash(&mut hasher);
                    if !seen.insert(hasher.finish()) {
                        *problems
                            .entry(format!("{}: {object} is rendered twice", input.model.name))
                            .or_default() += 1;
                    }
                },
            );
            if let Err(RenderError::Invalid { problems: more }) = result {
                for problem in more {
                    *problems.entry(problem).or_default() += 1;
                }
            } else {
                result?;
            }
            checked.push((input, kinds));
        }
        if problems.is_empty() {
            return Ok(CheckedModels { inputs: checked });
        }
        let hidden = problems.len().saturating_sub(TOLD);
        let mut problems: Vec<String> = problems.into_keys().take(TOLD).collect();
        if hidden > 0 {
            problems.push(format!("… and {hidden} more"));
        }
        Err(RenderError::Invalid { problems })
    }

    /// Renders the models' objects in install order, one after the other: all of a kind, model by model, then the
    /// next kind.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn stream<E: From<RenderError>>(
        &self,
        models: &CheckedModels<'_>,
        mut each: impl FnMut(Object) -> Result<(), E>,
    ) -> Result<(), E> {
        for order in InstallOrder::all() {
            for (input, kinds) in &models.inputs {
                let wanted = |component: usize| kinds.get(component).is_some_and(|k| k & order.bit() != 0);
                if !(0..COMPONENTS.len()).any(wanted) {
                    continue;
                }
                let mut result = Ok(());
                self.each_component(input, wanted, |_, object| {
                    if result.is_ok() && object.order() == order {
                        result = each(object);
                    }
                })?;
                result?;
            }
        }
        Ok(())
    }

    fn each_component(
        &self,
        input: &ModelInput<'_>,
        wanted: impl Fn(usize) -> bool,
        mut each: impl FnMut(usize, Object),
    ) -> Result<(), RenderError> {
        let context = self.model_context(input)?;
        let mut errors = Vec::new();
        for (n, file) in COMPONENTS.into_iter().enumerate().filter(|(n, _)| wanted(*n)) {
            if file == "models/dask.yaml" && input.model.cluster_type != ClusterType::Dask {
                continue;
            }
            let rendered = if file == "models/job-template.yaml" {
                self.job_template_context(&context).and_then(|context| self.render(file, &context))
            } else {
                self.render(file, &context)
            };
            match rendered {
                Ok(objects) => objects.into_iter().for_each(|o| each(n, o)),
                Err(more) => errors.extend(more),
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(about(input.model, &errors)) }
    }
}
