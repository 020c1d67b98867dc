"""How a run's model is used without this program: lines of Python, for its card."""

import json

from core.data.template import Template
from core.model.checkpoint import TEXT_PART
from core.outcomes import Outcomes

USE_OF_ADAPTER = """from peft import AutoPeftModelForSequenceClassification
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("this folder")
model = AutoPeftModelForSequenceClassification.from_pretrained(
    "this folder", num_labels=NUMBER, ignore_mismatched_sizes=True  # of a head that the base may have
).eval()
model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
"""
OWN_CLASS = """config = AutoConfig.from_pretrained(base).get_text_config()  # of its text model, if it reads images too
config.num_labels = NUMBER
family = MODEL_MAPPING[type(config)].__bases__[0]


class Classifier(GenericForSequenceClassification, family):  # one layer over the last token: transformers has none here
    base_model_prefix = family.base_model_prefix or "model"


"""
USE_OF_OWN_ADAPTER = f"""from peft import PeftConfig, PeftModel
from transformers import MODEL_MAPPING, AutoConfig, AutoTokenizer
from transformers.modeling_layers import GenericForSequenceClassification

base = PeftConfig.from_pretrained("this folder").base_model_name_or_path
{OWN_CLASS}tokenizer = AutoTokenizer.from_pretrained("this folder")
text_part = {TEXT_PART}
model = Classifier.from_pretrained(
    base, config=config, key_mapping=text_part, ignore_mismatched_sizes=True  # of a head that the base may have
)
if len(tokenizer) > model.get_input_embeddings().num_embeddings:
    model.resize_token_embeddings(len(tokenizer))
model = PeftModel.from_pretrained(model, "this folder").eval()
model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
"""
"""For families that transformers has no text classifier of. Without this program."""
USE_OF_OWN_MERGED = f"""from transformers import MODEL_MAPPING, AutoConfig, AutoTokenizer
from transformers.modeling_layers import GenericForSequenceClassification

base = "this folder"
{OWN_CLASS}tokenizer = AutoTokenizer.from_pretrained(base)
model = Classifier.from_pretrained(base, config=config).eval()
"""
USE_OF_MERGED = """from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("this folder")
model = AutoModelForSequenceClassification.from_pretrained("this folder").eval()
"""


def fitting(use: str, outcomes: Outcomes) -> str:
    """The lines of Python for a classifier of these outcomes."""
    return use.replace("NUMBER", str(len(outcomes)))


APART = """
It reads each answer in a sequence of its own, and says of it what it would say if that were A. The logits of a
comparison are the sum, those of B in the order of its own outcomes: Bradley and Terry's model with Davidson's ties.
What a text classification pipeline says of one sequence is no verdict.
"""


def scoring(template: Template, outcomes: Outcomes) -> str:
    """How `model` and `tokenizer`, once they are loaded, answer a comparison: lines of Python."""
    labels = ", ".join(outcomes.labels)
    if template.is_apart:
        return f"""

{_making(template)}


inputs = tokenizer([text(["…"], ["A …"]), text(["…"], ["B …"])], padding=True, return_tensors="pt")
a, b = model(**inputs).logits
print((a + b[{list(outcomes.swap)}]).softmax(-1))  # {labels}
"""
    return f"""

{_making(template)}


inputs = tokenizer([text(["…"], ["…"], ["…"])], padding=True, return_tensors="pt")
print(model(**inputs).logits.softmax(-1))  # {labels}
"""


def _making(template: Template) -> str:
    """A function in Python that makes the text of a comparison, as a person would write it."""
    parts = ["prompt", "answer"] if template.is_apart else ["prompt", "response_a", "response_b"]
    arguments = ", ".join(parts)
    tags = f"({', '.join(map(literal, template.tags[: len(parts)]))})"
    if template.by_round:
        made = [
            f'rounds = itertools.zip_longest({arguments}, fillvalue="")',
            f"tags = {tags}",
            'told = ["".join(tag + turn for tag, turn in zip(tags, turns)) for turns in rounds]',
        ]
        within = f"{literal(template.separator)}.join(told)"
    else:
        made = [f"parts = zip({tags}, ({arguments}))"]
        within = f'"".join(tag + {literal(template.separator)}.join(turns) for tag, turns in parts)'
    around = [literal(template.before), within, literal(template.after)]
    made.append(f"return {' + '.join(piece for piece in around if piece != literal(''))}")
    imports = ["import itertools", "", ""] if template.by_round else []
    head = f"def text({arguments}):  # lists of turns"
    return "\n".join([*imports, head, *(f"    {line}" for line in made)])


def literal(text: str) -> str:
    """`text` as Python writes it between double quotes, without a backtick, which would end code in Markdown."""
    return json.dumps(text, ensure_ascii=False).replace("`", "\\x60")
