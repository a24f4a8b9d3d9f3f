import App from "./App.jsx";
import { html, render } from "./vendor/preact.js";

render(html`<${App} />`, document.getElementById("root"));
