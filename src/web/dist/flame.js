"use strict";(()=>{var t=document.getElementById("data");t&&(document.title=JSON.parse(t.textContent??"{}").title??document.title);})();
