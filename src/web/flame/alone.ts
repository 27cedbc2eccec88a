// alone: the flame graph of a self-contained file, from the data that stands in it.
import "./flame.css";

const data = document.getElementById("data");
if (data) document.title = JSON.parse(data.textContent ?? "{}").title ?? document.title;
