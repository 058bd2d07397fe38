/**
 * What the site shows besides text.
 */
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme-without-fonts';
import { h } from 'vue';
import KernelPicture from './KernelPicture.vue';
import Live from './Live.vue';
import Meanings from './Meanings.vue';
import Player from './Player.vue';
import './style.css';

export default {
  extends: DefaultTheme,
  Layout: () =>
    h(DefaultTheme.Layout, null, { 'layout-bottom': () => h(Meanings) }),
  enhanceApp({ app }) {
    app.component('KernelPicture', KernelPicture);
    app.component('Live', Live);
    app.component('Player', Player);
  },
} satisfies Theme;
