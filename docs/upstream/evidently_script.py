"""A report of Evidently's writes `</script>` of a category as it is: what comes after it would run."""

import warnings

warnings.simplefilter("ignore")

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift

definition = DataDefinition(categorical_columns=["c"])
rows = pd.DataFrame({"c": ["</script><script>alert(1)</script>", "b"] * 50})
data = Dataset.from_pandas(rows, data_definition=definition)
page = Report([ValueDrift(column="c", method="psi")]).run(data, data).get_html_str(as_iframe=False)
print("</script><script>alert(1)" in page)

# With evidently 0.7.23 it prints:
# True
